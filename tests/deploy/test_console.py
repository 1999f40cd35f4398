"""How the console is hosted: what a browser may do, who may read the page, and what is uploaded where."""

import json
import re
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_double import ScriptedAccount
from cost.template import Stack
from deploy import page, stage
from deploy.deploy import publish, region_of
from deploy.preflight import console
from deploy.preflight.deployment import Deployment
from deploy.stack import DeployedStack
from deploy.stage import Stage
from fluxo_local import web_page
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT
from fluxo_local.web_page import files
from recorded import Recorded
from surveyed import DEV, found

ON = {"ConsoleEnabled": "true", "HostedDomainPrefix": "fluxo"}
DOMAIN = "caixa.example.com"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"


def template(**parameters: str) -> Stack:
    """The template with a console."""
    return Stack.load(parameters={**ON, **parameters})


def distribution(**parameters: str) -> dict[str, Any]:
    """The configuration of its distribution."""
    return template(**parameters).only("AWS::CloudFront::Distribution")["DistributionConfig"]


def headers() -> dict[str, Any]:
    """The headers that it adds to every answer."""
    return template().only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]


def policy() -> dict[str, list[str]]:
    """The content security policy by its directives."""
    (text, _) = headers()["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    directives = (directive.split() for directive in text.split(";"))
    return {name: sources for name, *sources in directives}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_stage_has_the_port_of_an_emulator(name: str) -> None:
    assert "EmulatorPort" not in stage.read(name).parameters
    assert Stack.load().parameter("EmulatorPort") == ""


def test_a_page_runs_its_own_scripts_and_nothing_else() -> None:
    assert policy()["default-src"] == ["'none'"]
    assert policy()["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert policy()["connect-src"] == ["'self'", "${SignIn}"]
    for directive in ("frame-ancestors", "base-uri", "form-action"):
        assert policy()[directive] == ["'none'"]
    said = {source for sources in policy().values() for source in sources}
    assert said <= {"'self'", "'none'", "'wasm-unsafe-eval'", "data:", "${SignIn}"}, "unsafe-inline, a host or a star"


def test_every_answer_has_the_headers_whatever_the_origin_says() -> None:
    security = headers()["SecurityHeadersConfig"]
    assert all(one["Override"] is True for one in security.values())
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert "ContentTypeOptions" in security
    config = distribution()
    behaviours = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
    assert [behaviour["ResponseHeadersPolicyId"] for behaviour in behaviours] == [{"Ref": "ConsoleHeaders"}] * 2


def test_nothing_goes_over_http_on_aws() -> None:
    config = distribution()
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    # A token that was sent in clear is known already: no redirect.
    assert config["CacheBehaviors"][0]["ViewerProtocolPolicy"] == "https-only"
    assert config["Origins"][1]["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert (
        distribution(ConsoleDomain=DOMAIN, ConsoleCertificateArn=CERTIFICATE)["ViewerCertificate"]["MinimumProtocolVersion"]
        == "TLSv1.2_2021"
    )


def test_answers_of_the_api_are_kept_by_nobody() -> None:
    (api,) = distribution()["CacheBehaviors"]
    assert (api["PathPattern"], api["TargetOriginId"]) == ("/api/*", "api")
    # AWS, "Use managed cache policies": CachingDisabled. "Use managed origin request policies": AllViewerExceptHostHeader.
    assert api["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert api["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def test_nobody_but_its_own_distribution_reads_the_bucket() -> None:
    bucket = template().only("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    statements = template().only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    allowed = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert [statement["Action"] for statement in allowed] == ["s3:GetObject", "s3:ListBucket"]
    for statement in allowed:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        arn = statement["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"]
        assert arn == "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${ConsoleDistribution}"
    assert [statement["Condition"] for statement in statements if statement["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("/", "/index.html"),
        ("/dia/2026-11-27", "/index.html"),
        ("/apis", "/index.html"),
        ("/assets/index-1a2b.js", "/assets/index-1a2b.js"),
        ("/config.json", "/config.json"),
        ("/api/entries", "/entries"),
        ("/api/entries.csv", "/entries.csv"),
        ("/api/api/entries", "/api/entries"),
        ("/api/", "/"),
        ("/api", "/"),
    ],
)
def test_an_address_of_the_page_is_the_page_and_one_of_the_api_is_the_apis(asked: str, answered: str) -> None:
    code = template().only("AWS::CloudFront::Function")["FunctionCode"]
    script = f"{code}; process.stdout.write(handler({{request: {{uri: {json.dumps(asked)}}}}}).uri)"
    assert subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=30).stdout == answered


def test_a_web_acl_is_made_where_cloudfront_takes_it() -> None:
    limited = template(EdgeRateLimit="2000")
    assert [refusal for refusal in limited.refusals("us-east-1") if "Acl" in refusal or "Edge" in refusal] == []
    assert any("give EdgeWebAclArn" in refusal for refusal in limited.refusals("sa-east-1"))
    (rule,) = limited.only("AWS::WAFv2::WebACL")["Rules"]
    assert rule["Statement"]["RateBasedStatement"]["Limit"] == "2000"
    assert distribution(EdgeRateLimit="2000")["WebACLId"] == {"Fn::GetAtt": ["ConsoleWebAcl", "Arn"]}
    assert distribution(EdgeWebAclArn="arn:aws:wafv2:us-east-1:1:global/webacl/a/b")["WebACLId"].endswith("/a/b")
    assert "WebACLId" not in distribution()


# ---- Uploading


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as Vite leaves it."""
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "assets/index-1a2b.js", "assets/rows-3c4d.wasm", "favicon.svg", "config.json"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_page_is_uploaded_last_and_kept_by_nobody(built: Path) -> None:
    uploaded = {file.key: file for file in files({"apiBase": "/api"}, built)}
    assert list(uploaded)[-2:] == ["config.json", "index.html"]
    assert {key for key, file in uploaded.items() if file.cache_control == "no-store"} == {"config.json", "index.html"}
    immutable = {key for key, file in uploaded.items() if "immutable" in file.cache_control}
    assert immutable == {"assets/index-1a2b.js", "assets/rows-3c4d.wasm"}
    assert uploaded["favicon.svg"].cache_control == "no-cache"


def test_a_browser_is_told_what_each_file_is(built: Path) -> None:
    types = {file.key: file.content_type for file in files({}, built)}
    assert types["index.html"] == "text/html; charset=utf-8"
    assert types["assets/index-1a2b.js"] == "text/javascript; charset=utf-8"
    # WebAssembly is compiled while it is loaded only if it says that it is.
    assert types["assets/rows-3c4d.wasm"] == "application/wasm"
    assert types["favicon.svg"] == "image/svg+xml; charset=utf-8"


def test_the_configuration_of_whoever_built_the_page_is_not_uploaded(built: Path) -> None:
    (configuration,) = (file for file in files({"apiBase": "/api"}, built) if file.key == "config.json")
    assert json.loads(configuration.contents) == {"apiBase": "/api"}


def test_a_page_that_is_not_built_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxo_local.web_page.CHECKOUT", tmp_path)
    with pytest.raises(Problem, match="console is not built: dist has no index"):
        list(files({}, tmp_path / "dist"))


OUTPUTS = {
    "ConsoleBucketName": "fluxo-consolebucket-1",
    "ConsoleUrl": "https://d1.cloudfront.net/",
    "HostedPagesUrl": "https://fluxo.auth.us-east-1.amazoncognito.com",
    "WebClientId": "client",
    "StateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:record-entries-express",
    "StandardStateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:record-entries",
}


def standing(outputs: dict[str, str], **parameters: str) -> dict[str, Any]:
    """What CloudFormation says of a stack."""
    return {
        "StackName": "fluxo",
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }


def test_files_of_earlier_releases_go_after_a_week(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "files", lambda configuration: files(configuration, built))
    now = datetime(2026, 11, 28, tzinfo=UTC)
    account = ScriptedAccount()
    for _ in files({}, built):
        account.expect("s3", "put_object", None, {})
    contents = [
        {"Key": "assets/index-1a2b.js", "LastModified": now - timedelta(days=30)},
        {"Key": "assets/index-old.js", "LastModified": now - timedelta(days=8)},
        {"Key": "assets/index-recent.js", "LastModified": now - timedelta(days=6)},
    ]
    account.expect("s3", "list_objects_v2", {"Bucket": "fluxo-consolebucket-1"}, {"IsTruncated": False, "Contents": contents})
    deleted = {"Objects": [{"Key": "assets/index-old.js"}], "Quiet": True}
    account.expect("s3", "delete_objects", {"Bucket": "fluxo-consolebucket-1", "Delete": deleted}, {})
    assert page.upload(account.client("s3"), standing(OUTPUTS), "us-east-1", now) == "https://d1.cloudfront.net/"
    account.assert_all_asked()


def test_a_stack_without_a_console_gets_no_page() -> None:
    account = ScriptedAccount()
    publish(account, standing({"ApiUrl": "https://a"}), set())
    account.assert_all_asked()


def change_sets(**statuses: str) -> dict[str, Any]:
    """An answer of ListChangeSets."""
    listed = [{"ChangeSetId": name, "ExecutionStatus": status, "Status": "CREATE_COMPLETE"} for name, status in statuses.items()]
    return {"Summaries": listed}


def test_whoever_declines_the_changes_keeps_the_page_of_before(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    uploaded: list[str] = []
    monkeypatch.setattr(page, "upload", lambda _s3, _stack, region: uploaded.append(region) or "https://d1.cloudfront.net/")
    # An older one that nobody has carried out or removed; one of this deployment; one without changes, which SAM leaves, too.
    for after, uploads in (({"old": "AVAILABLE"}, 1), ({"old": "AVAILABLE", "new": "AVAILABLE"}, 0), ({"new": "UNAVAILABLE"}, 1)):
        account = ScriptedAccount()
        account.expect("cloudformation", "list_change_sets", {"StackName": "fluxo"}, change_sets(**after))
        uploaded.clear()
        publish(account, standing(OUTPUTS), {"old"})
        assert len(uploaded) == uploads, after
        assert ("was not uploaded" in capsys.readouterr().out) == (not uploads)


def test_a_stack_that_is_not_there_has_no_change_sets() -> None:
    account = ScriptedAccount()
    account.expect_error("cloudformation", "list_change_sets", "ValidationError", "Stack [fluxo] does not exist")
    assert DeployedStack(account.client("cloudformation"), "fluxo").open_change_sets() == set()


def test_the_page_goes_to_the_region_of_the_stack() -> None:
    assert region_of({"StackId": "arn:aws:cloudformation:sa-east-1:123456789012:stack/fluxo/51af3dc0"}) == "sa-east-1"


def test_the_page_is_told_where_to_sign_in_and_operators_where_executions_are() -> None:
    told = page.configuration_of(standing(OUTPUTS, OperatorsEnabled="true"), OUTPUTS, "us-east-1")
    assert told["apiBase"] == "/api"
    assert told["auth"] == {
        "authorizeUrl": "https://fluxo.auth.us-east-1.amazoncognito.com/oauth2/authorize",
        "tokenUrl": "https://fluxo.auth.us-east-1.amazoncognito.com/oauth2/token",
        "logoutUrl": "https://fluxo.auth.us-east-1.amazoncognito.com/logout",
        "clientId": "client",
        "redirectUri": "https://d1.cloudfront.net/",
        "scopes": ["openid", "email", "profile"],
    }
    assert told["inspector"] == {
        "kind": "aws",
        "region": "us-east-1",
        "stateMachineArn": OUTPUTS["StateMachineArn"],
        "standardStateMachineArn": OUTPUTS["StandardStateMachineArn"],
        "logGroups": [
            "/aws/lambda/fluxo/register-entry",
            "/aws/lambda/fluxo/reverse-entry",
            "/aws/lambda/fluxo/apply-to-ledger",
            "/aws/lambda/fluxo/consolidate-day",
            "/aws/lambda/fluxo/replay-parked",
        ],
    }
    for parameters in ({"OperatorsEnabled": "false"}, {"OperatorsEnabled": "true", "ConsoleApiId": "a1b2c3d4e5"}):
        assert "inspector" not in page.configuration_of(standing(OUTPUTS, **parameters), OUTPUTS, "us-east-1"), parameters


def test_the_logs_that_the_page_leads_to_are_those_of_the_template() -> None:
    template = (CHECKOUT / "template.yaml").read_text()
    names = page.inspector_of("${AWS::StackName}", OUTPUTS, "us-east-1")["logGroups"]
    assert all(f"LogGroupName: !Sub {name}\n" in template for name in names)


def test_the_page_is_built_anew_when_any_of_its_sources_changes(tmp_path: Path) -> None:
    sources, crate, contract = tmp_path / "console", tmp_path / "crate", tmp_path / "openapi.yaml"
    for file in (sources / "src" / "main.ts", crate / "src" / "lib.rs", contract):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    before = web_page.digest(sources, [crate, contract])
    for made in web_page.MADE:
        (sources / made).mkdir(parents=True)
        (sources / made / "a").write_text("a")
    assert web_page.digest(sources, [crate, contract]) == before
    for file in (sources / "src" / "main.ts", crate / "src" / "lib.rs", contract):
        file.write_text("2")
        assert web_page.digest(sources, [crate, contract]) != before, file
        file.write_text("1")


def test_every_crate_of_the_pages_module_counts_as_a_source_of_the_page() -> None:
    crates = {path.parent.name for path in (CHECKOUT / "crates").glob("*/Cargo.toml")}
    manifests = [CHECKOUT / "console" / "wasm" / "Cargo.toml"]
    found: set[str] = set()
    while manifests:
        named = tomllib.loads(manifests.pop().read_text())["dependencies"].keys() & crates
        manifests += [CHECKOUT / "crates" / name / "Cargo.toml" for name in named - found]
        found |= named
    assert {f"crates/{name}" for name in found} == {name for name in web_page.BESIDES if name.startswith("crates/")}


# ---- Preflight


@pytest.mark.parametrize(
    ("stack_name", "prefix"),
    [
        ("fluxo-dev", "fluxo-dev-123456789012"),
        ("Fluxo", "fluxo-123456789012"),
        ("my-aws-cognito", "my-123456789012"),
        ("fluxo-aamazonws", "fluxo-123456789012"),
        ("aws", "console-123456789012"),
        ("a" * 80, "a" * 50 + "-123456789012"),
    ],
)
def test_the_sign_in_pages_get_a_domain_that_cognito_takes(stack_name: str, prefix: str) -> None:
    deployment = Deployment(Recorded("known-account").account(), Stage("test", stack_name, {"ConsoleEnabled": "true"}), None)
    given = console.parameters(deployment)["HostedDomainPrefix"]
    assert given == prefix
    pattern = Stack.load()._document["Parameters"]["HostedDomainPrefix"]["AllowedPattern"]
    assert re.fullmatch(pattern, given) and len(given) <= 63


def test_a_domain_that_is_named_or_that_a_stack_has_is_kept() -> None:
    for named in ({"ConsoleEnabled": "true", "HostedDomainPrefix": "acme"}, {"ConsoleEnabled": "false"}):
        deployment = Deployment(Recorded("known-account").account(), Stage("test", "fluxo", named), None)
        assert console.parameters(deployment) == {}
    stands = {"HostedDomainPrefix": "of-before"}
    deployment = Deployment(Recorded("known-account").account(), Stage("test", "fluxo", {"ConsoleEnabled": "true"}), None, stands)
    assert console.parameters(deployment) == {}


def certificate(**changes: Any) -> dict[str, Any]:
    """What Certificate Manager says of it."""
    return {"operation": "acm.DescribeCertificate", "answer": {"Certificate": {"DomainName": DOMAIN, "Status": "ISSUED", **changes}}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (certificate(), []),
        (certificate(DomainName="example.com", SubjectAlternativeNames=["*.example.com"]), []),
        (certificate(Status="PENDING_VALIDATION"), ["PENDING_VALIDATION"]),
        (certificate(DomainName="*.caixa.example.com"), ["does not name it"]),
        (certificate(DomainName="*.com"), ["does not name it"]),
        ({"operation": "acm.DescribeCertificate", "error": "ResourceNotFoundException"}, ["no such certificate"]),
    ],
)
def test_a_certificate_that_cloudfront_would_refuse_is_named(answer: dict[str, Any], said: list[str]) -> None:
    parameters = {**DEV, **ON, "ConsoleDomain": DOMAIN, "ConsoleCertificateArn": CERTIFICATE}
    failures, _, _ = found(Recorded("known-account", answer), parameters)
    assert len(failures) == len(said)
    assert all(word in failure for word, failure in zip(said, failures, strict=True))
