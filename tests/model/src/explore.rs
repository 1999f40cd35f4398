//! Running the checker over a model.

use std::{collections::BTreeSet, fmt::Debug, hash::Hash};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// What the checker found in all states of a model.
#[derive(Debug)]
pub struct Findings {
    /// How many states there are.
    pub states: usize,
    /// The promises that do not hold, each with the steps that lead to a state in which it does not.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// What should happen somewhere and never does.
    pub never_seen: Vec<&'static str>,
}

/// Visits every state of a model.
pub fn explore<M>(model: M) -> Findings
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().spawn_bfs().join();
    let discoveries = checker.discoveries();
    let mut findings = Findings { states: checker.unique_state_count(), broken: Vec::new(), never_seen: Vec::new() };
    for property in checker.model().properties() {
        match (property.expectation, discoveries.get(property.name)) {
            (Expectation::Sometimes, None) => findings.never_seen.push(property.name),
            (Expectation::Always, Some(path)) => findings.broken.push((property.name, steps(path.clone()))),
            _ => {}
        }
    }
    findings
}

/// The steps to a state in which the promise of this name does not hold. `None` if it holds everywhere.
pub fn counterexample<M>(model: M, promise: &'static str) -> Option<Vec<String>>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    assert!(matches!(model.property(promise).expectation, Expectation::Always), "{promise} is not a promise");
    let until = HasDiscoveries::AnyOf(BTreeSet::from([promise]));
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    checker.discovery(promise).map(steps)
}

fn steps<State, Action: Debug>(path: stateright::Path<State, Action>) -> Vec<String> {
    path.into_actions().iter().map(|action| format!("{action:?}")).collect()
}
