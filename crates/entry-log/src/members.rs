use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The consumers of one process, and how many of them have become members of their groups: a process is ready when all have.
#[derive(Debug, Clone)]
pub struct Members {
    expected: usize,
    joined: Arc<AtomicUsize>,
}

impl Members {
    /// So many consumers, none of which is a member yet.
    pub fn of(expected: usize) -> Members {
        Members { expected, joined: Arc::default() }
    }

    /// Whether each has become a member. One that is none any more comes back by itself, or its process ends.
    pub fn have_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed) >= self.expected
    }

    /// Tells of [`Members::have_joined`] whenever it is asked.
    pub fn readiness(&self) -> impl Fn() -> bool + Send + Sync + 'static + use<> {
        let members = self.clone();
        move || members.have_joined()
    }

    /// One more has become a member.
    pub(crate) fn add(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }
}
