"""What the account may have of what the second door needs."""

from collections.abc import Iterator

from deploy.account import Account, NotAnswered, NotThere

# The codes under which Service Quotas knows them ("Amazon EKS service quotas", "Amazon VPC quotas").
NUMBERS = (
    ("EKS clusters", "eks", "L-1194D53C", 1),
    ("Elastic IP addresses", "ec2", "L-0263D0A3", 3),
    ("NAT gateways in a zone", "vpc", "L-FE5A380F", 1),
)


def findings(account: Account) -> Iterator[str]:
    """What would be refused, as far as a quota alone says so."""
    for what, service, code, wanted in NUMBERS:
        try:
            allowed = quota(account, service, code)
        except NotAnswered as reason:
            yield f"Not checked: the quota of {what}, because {reason}."
            continue
        if wanted > allowed:
            yield f"This account may have {allowed:g} {what} in {account.region}; the second door needs {wanted}: ask for more ({code})."


def quota(account: Account, service: str, code: str) -> float:
    """What Service Quotas says of this account, or else of every one in this region."""
    for operation in ("get_service_quota", "get_aws_default_service_quota"):
        try:
            answer = account.ask("service-quotas", operation, ("NoSuchResourceException",), ServiceCode=service, QuotaCode=code)
        except NotThere:
            continue
        return answer["Quota"]["Value"]
    raise NotAnswered("servicequotas:GetAWSDefaultServiceQuota", f"Service Quotas does not know {code} of {service}")
