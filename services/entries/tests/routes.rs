//! Both services together have every route of the contract, and no other.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, fs};

use serde_json::Value;

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn served() -> Vec<String> {
    let entries = entries::serve::ROUTES.iter().map(|route| route.name);
    entries.chain(consolidation::serve::ROUTES.iter().map(|route| route.name)).map(str::to_owned).collect()
}

#[test]
fn every_route_of_the_contract_is_served_once() {
    let mut described = BTreeSet::new();
    for (path, operations) in yaml("openapi.yaml")["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().filter(|name| ["get", "post"].contains(&name.as_str())) {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served = served();
    assert_eq!(served.iter().cloned().collect::<BTreeSet<_>>(), described);
    assert_eq!(served.len(), described.len(), "each route is of one service");
}

#[test]
fn every_route_of_the_gateway_is_served() {
    let template = yaml("template.yaml");
    let routes = template["Resources"].as_object().unwrap().values();
    let routes = routes.filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route");
    let keys: BTreeSet<String> =
        routes.map(|route| route["Properties"]["RouteKey"].as_str().unwrap().to_owned()).collect();
    assert_eq!(served().into_iter().collect::<BTreeSet<_>>(), keys);
}
