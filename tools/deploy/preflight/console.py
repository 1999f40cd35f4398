"""The console: the domain of its sign-in pages, and the certificate of a domain of its own."""

import re
from collections.abc import Iterator

from deploy.account import NotThere
from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, warning

ENABLED, PREFIX = "ConsoleEnabled", "HostedDomainPrefix"
# Cognito's "Domain" of CreateUserPoolDomain: 1 to 63 of a-z, 0-9 and hyphens, and none at either end.
PREFIX_LENGTH_MAX = 63
RESERVED = re.compile("aws|amazon|cognito")


def parameters(deployment: Deployment) -> dict[str, str]:
    """A prefix for the sign-in pages, if there is to be a console and nobody has named one.

    Made of the stack's name and the account's number, so that no other account has it.
    """
    stack = deployment.template
    if stack.parameter(ENABLED) != "true" or stack.parameter(PREFIX):
        return {}
    name = deployment.stage.stack_name.lower()
    # What is left when a word is taken out may be one again.
    while RESERVED.search(name):
        name = RESERVED.sub("", name)
    name = name.strip("-") or "console"
    suffix = f"-{deployment.account.number}"
    return {PREFIX: name[: PREFIX_LENGTH_MAX - len(suffix)].strip("-") + suffix}


def certificate(deployment: Deployment) -> Iterator[Finding]:
    """Whether CloudFront takes it: one that is issued, of us-east-1, and for the domain.

    AWS: "Requirements for using SSL/TLS certificates with CloudFront".
    """
    domain, arn = (deployment.template.parameter(name) for name in ("ConsoleDomain", "ConsoleCertificateArn"))
    if not (domain and arn):
        return
    try:
        found = deployment.account.ask(
            "acm", "describe_certificate", ("ResourceNotFoundException",), region="us-east-1", CertificateArn=arn
        )["Certificate"]
    except NotThere:
        yield failure(f"CloudFront would refuse {arn}, because there is no such certificate in us-east-1: give one of this account.")
        return
    if found["Status"] != "ISSUED":
        yield failure(f"CloudFront would refuse {arn}, because it is {found['Status']}: validate it in AWS Certificate Manager first.")
    if not any(covers(name, domain) for name in [found["DomainName"], *found.get("SubjectAlternativeNames", [])]):
        yield failure(f"CloudFront would refuse the domain {domain}, because {arn} does not name it: ask for a certificate that does.")


def covers(name: str, domain: str) -> bool:
    """Whether a certificate's name stands for a domain: a star is one label (RFC 9525, section 6.3)."""
    _, _, rest = domain.partition(".")
    return name == domain or name == f"*.{rest}"


def direct_calls(deployment: Deployment) -> Iterator[Finding]:
    """A web ACL guards what goes through the console's distribution, and nothing else."""
    stack = deployment.template
    if stack.parameter("EdgeRateLimit") != "0" or stack.parameter("EdgeWebAclArn"):
        yield warning(
            "The web ACL guards the console's address only. Who calls the API's own is limited by ReadsPerSecond and WritesPerSecond."
        )
