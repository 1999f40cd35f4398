//! Both services together have every route of the contract, and no other, but for those of webhook endpoints: at either door they are
//! the main stack's function.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, fs};

use http_server::Part;
use serde_json::Value;

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Whether a route is that function's.
fn is_of_webhooks(route: &str) -> bool {
    route.contains(" /webhook-endpoints")
}

fn served() -> Vec<String> {
    let entries = entries::serve::ROUTES.iter().map(|route| route.name);
    entries.chain(consolidation::serve::ROUTES.iter().map(|route| route.name)).map(str::to_owned).collect()
}

#[test]
fn every_route_of_the_contract_is_served_once() {
    let mut described = BTreeSet::new();
    for (path, operations) in yaml("openapi.yaml")["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let all = described.len();
    described.retain(|route| !is_of_webhooks(route));
    assert!(described.len() < all);
    let served = served();
    assert_eq!(served.iter().cloned().collect::<BTreeSet<_>>(), described);
    assert_eq!(served.len(), described.len(), "each route is of one service");
}

#[test]
fn every_route_of_the_gateway_is_served() {
    let template = yaml("template.yaml");
    let routes = template["Resources"].as_object().unwrap().values();
    let routes = routes.filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route");
    let keys: BTreeSet<String> = routes
        .map(|route| route["Properties"]["RouteKey"].as_str().unwrap().to_owned())
        .filter(|route| !is_of_webhooks(route))
        .collect();
    assert_eq!(served().into_iter().collect::<BTreeSet<_>>(), keys);
}

/// While the log hangs, what needs none is answered, and so is what needs no ledger while that hangs.
#[test]
fn whoever_appends_to_the_log_leaves_places_to_others() {
    for route in entries::serve::ROUTES {
        let appends = route.name.starts_with("POST /entries");
        let asks_ledger = !matches!(route.name, "POST /entries" | "POST /entries/batch");
        match (appends, asks_ledger) {
            (true, false) => assert_eq!(route.part, Part::Most, "{}", route.name),
            (true, true) => assert_eq!(route.part, Part::Both, "{}", route.name),
            (false, _) => assert!(matches!(route.part, Part::Half | Part::Few), "{}", route.name),
        }
    }
}
