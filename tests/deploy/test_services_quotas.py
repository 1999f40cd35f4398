"""What the account has to be allowed for the second door, by stage."""

import pytest
from aws_double import ScriptedAccount
from cost import quantities
from deploy.services import quotas


def expect_quotas(account: ScriptedAccount, stage: str, **allowed: float) -> None:
    """Service Quotas says of each quota what is needed, or this."""
    for _, service, code, wanted in quotas.numbers(stage):
        answer = {"Quota": {"Value": allowed.get(code.replace("-", "_"), float(wanted))}}
        account.expect("service-quotas", "get_service_quota", {"ServiceCode": service, "QuotaCode": code}, answer)


def test_an_account_that_may_have_what_is_needed_hears_nothing() -> None:
    account = ScriptedAccount()
    expect_quotas(account, "prod")
    assert [*quotas.findings(account, "prod")] == []
    account.assert_all_asked()


@pytest.mark.parametrize(("stage", "is_short"), [("dev", False), ("prod", True), ("another", True)])
def test_a_new_account_has_vcpus_for_dev_and_not_for_prod(stage: str, is_short: bool) -> None:
    account = ScriptedAccount()
    expect_quotas(account, stage, L_1216C47A=5.0)
    said = [
        "This account may have 5 vCPUs of Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances in us-east-1, and the second "
        "door needs 16: ask for 16 or more in Service Quotas (ec2, L-1216C47A)."
    ]
    assert [*quotas.findings(account, stage)] == (said if is_short else [])


def test_vcpus_are_enough_for_the_nodes_of_each_stage_twice() -> None:
    nodes = quantities.load().assume("services_nodes")
    assert nodes.keys() == quotas.VCPUS.keys()
    assert all(quotas.VCPUS[stage] >= 2 * 2 * count for stage, count in nodes.items())
