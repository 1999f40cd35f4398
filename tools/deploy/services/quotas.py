"""What the account may have of what the second door needs."""

from collections.abc import Iterator

from deploy.account import Account, NotAnswered, NotThere

Number = tuple[str, str, str, int]
# The codes under which Service Quotas knows them ("Amazon EKS service quotas", "Amazon VPC quotas").
NUMBERS: tuple[Number, ...] = (
    ("EKS clusters", "eks", "L-1194D53C", 1),
    ("Elastic IP addresses", "ec2", "L-0263D0A3", 3),
    ("NAT gateways in a zone", "vpc", "L-FE5A380F", 1),
)
# How many vCPUs the nodes of a stage have at once: those that the cost page counts, as many again while a rollout runs both releases, and
# some for a peak. Of a stage that is not here, as many as of prod. A new account has 5 ("Amazon EC2 instance type quotas").
VCPUS = {"dev": 4, "prod": 16}


def numbers(stage: str) -> tuple[Number, ...]:
    """What a stage needs."""
    vcpus = VCPUS.get(stage, VCPUS["prod"])
    return *NUMBERS, ("vCPUs of Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "ec2", "L-1216C47A", vcpus)


def findings(account: Account, stage: str) -> Iterator[str]:
    """What would be refused, as far as a quota alone says so."""
    for what, service, code, wanted in numbers(stage):
        try:
            allowed = quota(account, service, code)
        except NotAnswered as reason:
            yield f"Not checked: the quota of {what}, because {reason}."
            continue
        if wanted > allowed:
            yield (
                f"This account may have {allowed:g} {what} in {account.region}, and the second door needs {wanted}: "
                f"ask for {wanted} or more in Service Quotas ({service}, {code})."
            )


def quota(account: Account, service: str, code: str) -> float:
    """What Service Quotas says of this account, or else of every one in this region."""
    for operation in ("get_service_quota", "get_aws_default_service_quota"):
        try:
            answer = account.ask("service-quotas", operation, ("NoSuchResourceException",), ServiceCode=service, QuotaCode=code)
        except NotThere:
            continue
        return answer["Quota"]["Value"]
    raise NotAnswered("servicequotas:GetAWSDefaultServiceQuota", f"Service Quotas does not know {code} of {service}")
