"""Whether the account's plan lets it make the ledger."""

from collections.abc import Iterator

from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure


def ledger(deployment: Deployment) -> Iterator[Finding]:
    """Whether RDS makes a cluster of our own making for this account.

    AWS: "GetAccountPlanState". Of a cluster without the express configuration RDS says to an account on the Free plan
    `InvalidParameterCombination: Free Tier accounts must use Express Configuration` (github.com/ed-donner/alex, pull request 42).
    CloudFormation makes none with it. botocore knows that the service answers in us-east-1 for all regions.
    """
    if all(deployment.standing(name) for name in deployment.made("AWS::RDS::DBCluster")):
        return
    if deployment.account.ask("freetier", "get_account_plan_state").get("accountPlanType") == "FREE":
        yield failure(
            "RDS would refuse the ledger, because the account is on AWS's Free plan, which makes Aurora clusters in the express "
            "configuration only: upgrade the account's plan (`aws freetier upgrade-account-plan --account-plan-type PAID`), or give "
            "LedgerHost, a PostgreSQL that exists."
        )
