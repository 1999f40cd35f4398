"""Reading a template as CloudFormation does."""

from collections.abc import Callable

import pytest
from cost import template
from cost.problem import Problem
from cost.template import Stack


def test_what_a_condition_excludes_is_not_deployed(stack: Callable[..., Stack]) -> None:
    assert list(stack().resources("AWS::RDS::DBInstance")) == ["LedgerInstance"]
    assert list(stack(LedgerStandby="true").resources("AWS::RDS::DBInstance")) == ["LedgerInstance", "LedgerStandbyInstance"]
    assert not stack(LedgerHost="db.example.com").resources("AWS::RDS::DBInstance")


def test_parameters_and_conditions_are_put_into_properties(stack: Callable[..., Stack]) -> None:
    scaling = "ServerlessV2ScalingConfiguration"
    assert stack().only("AWS::RDS::DBCluster")[scaling] == {"MinCapacity": "0.5"}
    paused = stack(LedgerMinCapacity="0").only("AWS::RDS::DBCluster")[scaling]
    assert paused == {"MinCapacity": "0", "SecondsUntilAutoPause": 300}


def test_a_function_has_what_all_have_unless_it_says_otherwise(stack: Callable[..., Stack]) -> None:
    deployed = stack(Architecture="x86_64")
    assert deployed.function("RegisterEntry")["MemorySize"] == 256
    assert deployed.function("ApplyToLedger")["MemorySize"] == 512
    assert deployed.function("ApplyToLedger")["Architectures"] == ["x86_64"]


def test_a_parameter_that_only_who_deploys_knows_stays_a_reference(stack: Callable[..., Stack]) -> None:
    assert stack().function("RegisterEntry")["Environment"] == {"Variables": {"SECRET": {"Ref": "Secret"}}}


def test_what_globals_say_of_all_functions_is_merged_into_each(stack: Callable[..., Stack]) -> None:
    logging = {"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    assert stack().function("RegisterEntry")["LoggingConfig"] == logging
    assert stack().function("GetDailyBalance")["LoggingConfig"] == logging | {"LogGroup": {"Ref": "GetDailyBalanceLog"}}
    of_all, own = {"a": [1], "b": {"c": 1}, "e": 1}, {"a": [2], "b": {"d": 2}, "e": 2}
    assert template.merged(of_all, own) == {"a": [1, 2], "b": {"c": 1, "d": 2}, "e": 2}


def test_a_condition_on_such_a_parameter_asks_for_it(stack: Callable[..., Stack]) -> None:
    with pytest.raises(Problem, match="Secret has no default"):
        stack().condition("DependsOnASecret")
    assert stack(Secret="").condition("DependsOnASecret")


def test_a_parameter_that_the_template_does_not_have_is_refused(stack: Callable[..., Stack]) -> None:
    with pytest.raises(Problem, match="no parameter LedgerProxi"):
        stack(LedgerProxi="true")


def test_a_type_that_the_template_does_not_have_is_named() -> None:
    with pytest.raises(Problem, match="no AWS::RDS::DBCluster"):
        Stack({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}).required("AWS::RDS::DBCluster")


def test_a_condition_in_an_unknown_form_is_an_error() -> None:
    document = {"Conditions": {"Odd": {"Fn::Contains": [["a"], "a"]}}, "Resources": {}}
    with pytest.raises(Problem, match="Fn::Contains"):
        Stack(document).condition("Odd")


def test_rules_refuse_parameters_and_regions() -> None:
    here = {"Assertions": [{"Assert": {"Fn::Contains": [["us-east-1"], {"Ref": "AWS::Region"}]}, "AssertDescription": "not here"}]}
    small = {
        "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Size"}, ""]}]},
        "Assertions": [{"Assert": {"Fn::Contains": [["s", "m"], {"Ref": "Size"}]}, "AssertDescription": "too large"}],
    }
    document = {"Parameters": {"Size": {"Default": ""}}, "Rules": {"Here": here, "Small": small}, "Resources": {}}
    assert Stack(document).refusals("us-east-1") == []
    assert Stack(document, {"Size": "l"}).refusals("us-east-1") == ["too large"]
    assert Stack(document, {"Size": "l"}).refusals("sa-east-1") == ["not here", "too large"]
    assert Stack(document, {"Size": "l"}).refusals("sa-east-1", without=("Here",)) == ["too large"]
