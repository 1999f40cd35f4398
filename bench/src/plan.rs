//! How long and how often everything is measured.

use std::time::Duration;

use crate::load::Window;

/// As many processes of a function, clients of `pgbench` and bare clients.
pub const CONCURRENCY: usize = 8;

/// How often contestants take turns, and how long each turn is.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds of each comparison.
    pub rounds: usize,
    /// Each contestant's turn in a round.
    pub window: Window,
    /// One setting of a series, of which the chart shows many.
    pub step: Window,
    /// How long the challenge's load lasts.
    pub steady: Duration,
    /// Requests of each kind where single latencies are compared.
    pub pairs: usize,
    /// How often a function is started.
    pub starts: usize,
    /// Merchants with balances.
    pub readers: u32,
}

impl Plan {
    /// The benchmark as it is published.
    pub fn full() -> Plan {
        Plan {
            rounds: 3,
            window: window(2, 8),
            step: window(1, 5),
            steady: Duration::from_secs(60),
            pairs: 500,
            starts: 20,
            readers: 200,
        }
    }

    /// A look at the same figures within three minutes.
    pub fn quick() -> Plan {
        Plan {
            rounds: 1,
            window: window(1, 2),
            step: window(1, 1),
            steady: Duration::from_secs(5),
            pairs: 100,
            starts: 3,
            readers: 50,
        }
    }
}

fn window(warm_up_s: u64, measured_s: u64) -> Window {
    Window { warm_up: Duration::from_secs(warm_up_s), measured: Duration::from_secs(measured_s) }
}
