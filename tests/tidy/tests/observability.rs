//! The alarms, dashboards, rules and documents watch what the code emits, and each other.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Map, Value};
use telemetry::{METRIC_NAMES, SERVICE_METRIC_NAMES};

/// The metrics of AWS that may be named, as its documentation lists them: a misspelt one would be quiet for ever.
const AWS_METRICS: [(&str, &[&str]); 7] = [
    ("AWS/ApiGateway", &["4xx", "5xx", "Count", "Latency"]),
    (
        "AWS/DynamoDB",
        &[
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "SuccessfulRequestLatency",
            "SystemErrors",
            "WriteThrottleEvents",
        ],
    ),
    ("AWS/ElastiCache", &["BytesUsedForCache", "CurrConnections", "ElastiCacheProcessingUnits", "ThrottledCmds"]),
    ("AWS/Lambda", &["Duration", "Errors", "Invocations", "IteratorAge", "Throttles"]),
    (
        "AWS/RDS",
        &[
            "ACUUtilization",
            "CPUUtilization",
            "ClientConnections",
            "CommitLatency",
            "DatabaseConnections",
            "DatabaseConnectionsBorrowLatency",
            "DatabaseConnectionsCurrentlySessionPinned",
            "Deadlocks",
            "MaximumUsedTransactionIDs",
            "ServerlessDatabaseCapacity",
        ],
    ),
    (
        "AWS/SQS",
        &["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesVisible"],
    ),
    (
        "AWS/States",
        &[
            "ExecutionThrottled",
            "ExecutionsAborted",
            "ExecutionsFailed",
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsTimedOut",
            "ThrottledEvents",
        ],
    ),
];

/// What has no alarm: without the exporter no other alert can fire, and CloudWatch needs none.
const ALERT_OF_PROMETHEUS_ALONE: &str = "FluxoMetricsMissing";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// What stands between two texts, wherever it does.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).map(move |rest| rest.split(end).next().unwrap())
}

// ---- What is named where ----

fn resources() -> Map<String, Value> {
    yaml("template.yaml")["Resources"].as_object().unwrap().clone()
}

fn of_type<'a>(resources: &'a Map<String, Value>, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources
        .iter()
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name, &resource["Properties"]))
}

/// The alarms by their names, without the `Alarm` behind.
fn alarms(resources: &Map<String, Value>) -> BTreeMap<String, &Value> {
    of_type(resources, "AWS::CloudWatch::Alarm")
        .map(|(name, alarm)| (name.strip_suffix("Alarm").unwrap_or_else(|| panic!("{name}")).to_owned(), alarm))
        .collect()
}

/// The dashboard as it is when the template creates everything. Names of resources stand for what they become.
fn dashboard(resources: &Map<String, Value>) -> Value {
    let (_, dashboard) = of_type(resources, "AWS::CloudWatch::Dashboard").next().unwrap();
    let [body, parts] = list(&dashboard["DashboardBody"]) else { panic!("a text with its parts") };
    let mut body = text(body).to_owned();
    for (name, part) in parts.as_object().unwrap() {
        // A condition, what there is if it holds, and nothing.
        let [_, part, nothing] = list(part) else { panic!("{name}: no condition") };
        assert_eq!(nothing, "", "{name}");
        let place = format!("${{{name}}}");
        assert!(body.contains(&place), "{name} is not used");
        body = body.replace(&place, text(part));
    }
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("the dashboard: {error}"))
}

/// Namespace and name of each metric. The functions' own have the namespace `Fluxo`, whatever the stack is called.
type Metrics = BTreeSet<(String, String)>;

fn metric(namespace: &str, own: &str, name: &str) -> (String, String) {
    assert!(namespace.starts_with("AWS/") || namespace == own, "{name}: {namespace}");
    (if namespace == own { "Fluxo" } else { namespace }.to_owned(), name.to_owned())
}

const OWN_IN_TEMPLATE: &str = "Fluxo/${AWS::StackName}";

fn metrics_of_alarms(resources: &Map<String, Value>) -> Metrics {
    let alarms = alarms(resources);
    let named = |alarm: &&Value| metric(text(&alarm["Namespace"]), OWN_IN_TEMPLATE, text(&alarm["MetricName"]));
    alarms.values().map(named).collect()
}

fn metrics_of_dashboard(resources: &Map<String, Value>) -> Metrics {
    let dashboard = dashboard(resources);
    let mut metrics = Metrics::new();
    for widget in list(&dashboard["widgets"]) {
        let mut before = (String::new(), String::new());
        for line in list(&widget["properties"]["metrics"]) {
            if let Some(search) = line[0]["expression"].as_str() {
                let namespace = between(search, "{", ",").next().unwrap();
                let namespace = if search.contains(OWN_IN_TEMPLATE) { OWN_IN_TEMPLATE } else { namespace };
                let name = between(search, "MetricName=\"", "\"").next().unwrap();
                metrics.insert(metric(namespace, OWN_IN_TEMPLATE, name));
                continue;
            }
            // One dot repeats what stands above it, three repeat all of it.
            let repeated = |field: &Value, above: &str| match text(field) {
                "." => above.to_owned(),
                field => field.to_owned(),
            };
            if line[0] != "..." {
                before = (repeated(&line[0], &before.0), repeated(&line[1], &before.1));
            }
            metrics.insert(metric(&before.0, OWN_IN_TEMPLATE, &before.1));
        }
    }
    metrics
}

fn grafana() -> Value {
    json("observability/grafana/fluxo.json")
}

fn metrics_of_grafana() -> Metrics {
    let grafana = grafana();
    let targets = list(&grafana["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    let variables = list(&grafana["templating"]["list"]).iter().map(|variable| &variable["query"]);
    targets
        .chain(variables.filter(|query| query["queryType"] == "dimensionValues"))
        .map(|query| metric(text(&query["namespace"]), "Fluxo/${stack}", text(&query["metricName"])))
        .collect()
}

/// The jobs of the exporter: namespace, and each metric with the statistics that it is asked for.
fn exported() -> Vec<(String, String, Vec<String>)> {
    let exporter = yaml("observability/prometheus/yace.yml");
    let discovered = list(&exporter["discovery"]["jobs"]).iter().map(|job| (text(&job["type"]), job));
    let others = list(&exporter["static"]).iter().chain(list(&exporter["customNamespace"]));
    let mut exported = Vec::new();
    for (namespace, job) in discovered.chain(others.map(|job| (text(&job["namespace"]), job))) {
        for metric in list(&job["metrics"]) {
            let statistics = if metric["statistics"].is_array() { &metric["statistics"] } else { &job["statistics"] };
            let statistics = list(statistics).iter().map(|statistic| text(statistic).to_owned()).collect();
            exported.push((namespace.to_owned(), text(&metric["name"]).to_owned(), statistics));
        }
    }
    exported
}

fn metrics_of_exporter() -> Metrics {
    exported().iter().map(|(namespace, name, _)| metric(namespace, "Fluxo/fluxo", name)).collect()
}

fn own(metrics: &Metrics) -> BTreeSet<&str> {
    metrics.iter().filter(|(namespace, _)| namespace == "Fluxo").map(|(_, name)| name.as_str()).collect()
}

/// What comes into the stack's namespace: from the functions' code, and from the filters of its logs.
fn emitted(resources: &Map<String, Value>) -> BTreeSet<&str> {
    let filters = of_type(resources, "AWS::Logs::MetricFilter");
    let counted = filters.flat_map(|(_, filter)| list(&filter["MetricTransformations"])).map(|counted| {
        assert_eq!(counted["MetricNamespace"], OWN_IN_TEMPLATE, "{counted}");
        text(&counted["MetricName"])
    });
    for name in SERVICE_METRIC_NAMES {
        assert!(METRIC_NAMES.contains(name), "{name} is in both lists, or in none");
    }
    METRIC_NAMES.iter().copied().filter(|name| !SERVICE_METRIC_NAMES.contains(name)).chain(counted).collect()
}

// ---- Metrics ----

#[test]
fn every_metric_that_is_watched_or_shown_exists() {
    let resources = resources();
    let emitted = emitted(&resources);
    for (place, metrics) in [
        ("the alarms", metrics_of_alarms(&resources)),
        ("the dashboard", metrics_of_dashboard(&resources)),
        ("Grafana's dashboard", metrics_of_grafana()),
        ("the exporter", metrics_of_exporter()),
    ] {
        assert!(metrics.len() > 10, "{place}: {metrics:?}");
        for (namespace, name) in &metrics {
            let known = AWS_METRICS.iter().find(|(aws, _)| aws == namespace);
            let exists = known.map_or(namespace == "Fluxo" && emitted.contains(name.as_str()), |(_, names)| {
                names.contains(&name.as_str())
            });
            assert!(exists, "{place}: {namespace} {name}");
        }
    }
}

#[test]
fn every_metric_that_the_code_emits_is_shown_and_exported() {
    let resources = resources();
    let emitted = emitted(&resources);
    assert_eq!(own(&metrics_of_dashboard(&resources)), emitted);
    assert_eq!(own(&metrics_of_grafana()), emitted);
    assert_eq!(own(&metrics_of_exporter()), emitted);
}

#[test]
fn the_functions_emit_into_the_namespace_that_is_watched() {
    let template = yaml("template.yaml");
    assert_eq!(template["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"], OWN_IN_TEMPLATE);
}

#[test]
fn both_dashboards_show_the_same() {
    // Grafana finds the functions' names by it.
    let only_to_find_names = ("AWS/Lambda".to_owned(), "Invocations".to_owned());
    let mut grafana = metrics_of_grafana();
    assert!(grafana.remove(&only_to_find_names));
    assert_eq!(grafana, metrics_of_dashboard(&resources()));
}

// ---- Logs ----

/// Lambda's own lines would be more than those of the functions. What they tell of is in its metrics.
#[test]
fn lambda_logs_only_what_went_wrong_unless_somebody_asks_for_more() {
    let template = yaml("template.yaml");
    let logging = &template["Globals"]["Function"]["LoggingConfig"];
    assert_eq!((&logging["LogFormat"], &logging["SystemLogLevel"]), (&"JSON".into(), &"SystemLogLevel".into()));
    assert_eq!(template["Parameters"]["SystemLogLevel"]["Default"], "WARN");
    for (name, function) in of_type(&resources(), "AWS::Serverless::Function") {
        let own = &function["LoggingConfig"];
        assert_eq!(own["LogGroup"], format!("{name}Log"));
        assert_eq!(own["SystemLogLevel"], Value::Null, "{name}");
    }
}

#[test]
fn an_access_log_line_is_json_with_the_requests_id_and_no_headers() {
    let resources = resources();
    let (_, stage) = of_type(&resources, "AWS::ApiGatewayV2::Stage").next().unwrap();
    let format = text(&stage["AccessLogSettings"]["Format"]);
    let line: Value = serde_json::from_str(format).unwrap_or_else(|error| panic!("{format}: {error}"));
    assert_eq!(line["requestId"], "$context.requestId");
    for value in line.as_object().unwrap().values().map(text) {
        assert!(value.starts_with("$context.") && !value.contains("header"), "{value}");
    }
}

// ---- Alarms ----

/// The alert that stands for an alarm. The alarms of the functions' errors are of four kinds, each one alert, and each alert on
/// executions looks at both state machines.
fn alert_of(alarm: &str, resources: &Map<String, Value>) -> String {
    let function = alarm.strip_suffix("Errors").filter(|name| resources.contains_key(*name));
    match function {
        Some("ApplyToLedger" | "ConsolidateDay") => "FluxoTaskErrors".to_owned(),
        Some("SealPastDay" | "ReconcileBalances") => "FluxoRunErrors".to_owned(),
        Some("ReadEvents" | "RelayEvents" | "DeliverEvents") => "FluxoEventErrors".to_owned(),
        Some(_) => "FluxoFunctionErrors".to_owned(),
        None => format!("Fluxo{}", alarm.strip_prefix("Express").unwrap_or(alarm)),
    }
}

/// The alerts by their names.
fn alerts() -> BTreeMap<String, Value> {
    let rules = yaml("observability/prometheus/alerts.yml");
    let groups = list(&rules["groups"]).iter();
    groups
        .flat_map(|group| list(&group["rules"]))
        .map(|alert| (text(&alert["alert"]).to_owned(), alert.clone()))
        .collect()
}

#[test]
fn every_alarm_goes_to_the_topic_and_says_what_to_do() {
    let resources = resources();
    let alarms = alarms(&resources);
    assert!(alarms.len() > 30, "{}", alarms.len());
    for (name, alarm) in alarms {
        assert!(text(&alarm["AlarmDescription"]).contains(r#"(docs/operating.md, "Alarms")"#), "{name}");
        for action in ["AlarmActions", "OKActions"] {
            assert_eq!(alarm[action][0], "AlarmsHaveATopic", "{name}: {action}");
        }
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
    }
}

#[test]
fn every_function_has_an_alarm_of_its_errors() {
    let resources = resources();
    let alarms = alarms(&resources);
    // A migration that fails makes the deployment fail.
    let is_watched = |function: &str| function != "MigrateLedger";
    for (function, _) in of_type(&resources, "AWS::Serverless::Function").filter(|(name, _)| is_watched(name)) {
        let alarm = alarms.get(&format!("{function}Errors")).unwrap_or_else(|| panic!("{function}"));
        assert_eq!(alarm["MetricName"], "Errors", "{function}");
        assert_eq!(alarm["Dimensions"][0]["Value"], **function, "{function}");
    }
}

#[test]
fn the_dashboard_lists_every_alarm() {
    let resources = resources();
    let dashboard = dashboard(&resources);
    let widget = list(&dashboard["widgets"]).iter().find(|widget| widget["type"] == "alarm").unwrap();
    let listed: BTreeSet<&str> = list(&widget["properties"]["alarms"]).iter().map(text).collect();
    let alarms: Vec<String> = alarms(&resources).keys().map(|name| format!("${{{name}Alarm.Arn}}")).collect();
    assert_eq!(listed, alarms.iter().map(String::as_str).collect());
}

#[test]
fn the_page_on_operating_tells_of_every_alarm_and_no_other() {
    let page = read("docs/operating.md");
    let section = page.split("## Alarms").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<&str> = rows
        .flat_map(|row| between(row.split(" | ").next().unwrap(), "`", "`").step_by(2))
        .filter(|name| name.ends_with("Alarm"))
        .collect();
    let resources = resources();
    let alarms = alarms(&resources);
    let names = alarms.keys().map(|name| match alert_of(name, &resources).as_str() {
        // One row for all of them.
        "FluxoFunctionErrors" => "…ErrorsAlarm".to_owned(),
        _ => format!("{name}Alarm"),
    });
    assert_eq!(told.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names.collect());
}

// ---- Prometheus ----

#[test]
fn every_alarm_has_its_alert_with_the_same_threshold_and_words() {
    let resources = resources();
    let mut alerts = alerts();
    alerts.remove(ALERT_OF_PROMETHEUS_ALONE).unwrap();
    let alarms = alarms(&resources);
    let expected: BTreeSet<String> = alarms.keys().map(|name| alert_of(name, &resources)).collect();
    assert_eq!(alerts.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for (name, alarm) in alarms {
        let alert = &alerts[&alert_of(&name, &resources)];
        let threshold = text(&alert["expr"]).rsplit("> ").next().unwrap().trim().parse::<u64>().unwrap();
        assert_eq!(Some(threshold), alarm["Threshold"].as_u64(), "{name}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{name}");
        let description = text(&alarm["AlarmDescription"]);
        let description = description.replace(r#" (docs/operating.md, "Alarms")"#, "");
        assert_eq!(text(&alert["annotations"]["description"]), description, "{name}");
    }
}

#[test]
fn every_alert_is_tested_and_leads_to_the_page_on_alarms() {
    let tests = yaml("observability/prometheus/alerts_test.yml");
    let tested: BTreeSet<&str> =
        list(&tests["tests"]).iter().map(|test| text(&test["name"]).split(',').next().unwrap()).collect();
    for (name, alert) in alerts() {
        assert!(tested.contains(name.as_str()), "{name} has no test");
        assert!(!text(&alert["annotations"]["summary"]).is_empty(), "{name}");
        let runbook = "{{ $externalLabels.fluxo_repository }}/docs/operating.md#alarms";
        assert_eq!(alert["annotations"]["runbook_url"], runbook, "{name}");
    }
}

#[test]
fn every_series_that_a_rule_reads_is_exported() {
    let exported: BTreeSet<String> = exported()
        .iter()
        .flat_map(|(namespace, name, statistics)| statistics.iter().map(|statistic| series(namespace, name, statistic)))
        .collect();
    assert!(exported.contains("aws_sqs_approximate_age_of_oldest_message_maximum"), "{exported:?}");
    assert!(exported.contains("aws_rds_acuutilization_average"));
    assert!(exported.contains("fluxo_key_conflicts_sum"));
    let mut read_by = BTreeSet::new();
    for path in ["observability/prometheus/alerts.yml", "observability/prometheus/rules.yml"] {
        let rules = yaml(path);
        for rule in list(&rules["groups"]).iter().flat_map(|group| list(&group["rules"])) {
            read_by.extend(series_in(text(&rule["expr"])));
        }
    }
    let tests = yaml("observability/prometheus/alerts_test.yml");
    for input in list(&tests["tests"]).iter().flat_map(|test| list(&test["input_series"])) {
        read_by.extend(series_in(text(&input["series"])));
    }
    assert!(read_by.len() > 20, "{read_by:?}");
    assert_eq!(read_by.difference(&exported).collect::<Vec<_>>(), Vec::<&String>::new());
}

fn series_in(expression: &str) -> impl Iterator<Item = String> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let names = expression.split(move |c| !is_of_a_name(c));
    names.filter(|name| name.starts_with("aws_") || name.starts_with("fluxo_")).map(str::to_owned)
}

/// The name that the exporter gives a metric (`BuildMetricName` in its `pkg/promutil`), and after that `prometheus.yml`.
fn series(namespace: &str, name: &str, statistic: &str) -> String {
    let namespace = snake_case(&namespace.to_lowercase());
    let mut name = snake_case(name);
    for part in namespace.split('_') {
        // It leaves out what repeats a part of the namespace.
        name = name.strip_prefix(part).map_or(name.clone(), str::to_owned);
    }
    let prefix = if namespace.starts_with("aws") { "" } else { "aws_" };
    let exported = format!("{prefix}{namespace}_{}_{}", name.trim_start_matches('_'), snake_case(statistic));
    match exported.strip_prefix("aws_fluxo_fluxo_") {
        Some(own) => format!("fluxo_{own}"),
        None => exported,
    }
}

/// An underscore before each capital that follows a small letter or a digit.
fn snake_case(text: &str) -> String {
    let mut result = String::new();
    let mut before = ' ';
    for c in text.chars() {
        if c == '/' {
            result.push('_');
        } else {
            if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
                result.push('_');
            }
            result.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    result
}

#[test]
fn prometheus_renames_what_the_exporter_makes_of_the_namespace() {
    let prometheus = yaml("observability/prometheus/prometheus.yml");
    let rename = &prometheus["scrape_configs"][0]["metric_relabel_configs"][0];
    assert_eq!([&rename["regex"], &rename["replacement"]], ["aws_fluxo_fluxo_(.+)", "fluxo_$1"]);
}

// ---- Grafana ----

/// Each panel has an id of its own.
#[test]
fn grafanas_panels_have_ids_and_every_row_says_what_it_is_for() {
    let grafana = grafana();
    let panels = list(&grafana["panels"]);
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for (panel, next) in panels.iter().zip(&panels[1..]) {
        assert_eq!(panel["type"] == "row", next["type"] == "text", "{} and {}", panel["title"], next["title"]);
        let series = list(&panel["targets"]);
        let names: BTreeSet<&str> = series.iter().map(|target| text(&target["refId"])).collect();
        assert_eq!(names.len(), series.len(), "{}", panel["title"]);
        assert_eq!(panel["type"] == "timeseries", !series.is_empty(), "{}", panel["title"]);
    }
}

#[test]
fn grafana_is_bound_to_no_account_region_or_stack() {
    let grafana = grafana();
    let variables: BTreeSet<&str> = list(&grafana["templating"]["list"]).iter().map(|one| text(&one["name"])).collect();
    for variable in list(&grafana["templating"]["list"]) {
        if variable["query"]["queryType"] == "dimensionValues" {
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{variable}");
            assert_eq!(variable["query"]["region"], "$region", "{variable}");
        }
    }
    for target in list(&grafana["panels"]).iter().flat_map(|panel| list(&panel["targets"])) {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{target}");
        assert_eq!(target["region"], "$region", "{target}");
        for value in target["dimensions"].as_object().unwrap().values().map(text) {
            let variable = value.strip_prefix('$').is_some_and(|name| variables.contains(name));
            // Names that are AWS's own, and any.
            let fixed = ["*", "$default", "Query", "StartExecution", "UpdateItem"].contains(&value);
            assert!(variable || fixed, "{value}");
        }
    }
    let written = read("observability/grafana/fluxo.json");
    let digits = written.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap();
    assert!(digits < 12, "an account's number");
    for trace in ["arn:", "us-east", "sa-east", "eu-west"] {
        assert!(!written.contains(trace), "{trace}");
    }
}
