use std::{sync::Arc, thread, time::Duration};

use rdkafka::{consumer::StreamConsumer, error::KafkaError};
use tokio::{sync::oneshot, time::timeout};

use crate::context::Context;

/// How long leaving the group may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// A client that reads. It goes in a thread of its own, in which nobody else waits: the client asks brokers then, and may wait for them
/// without an end (issues 509 and 611 of rust-rdkafka).
pub(crate) struct Member(Option<Arc<StreamConsumer<Context>>>);

impl Member {
    pub(crate) fn new(consumer: StreamConsumer<Context>) -> Member {
        Member(Some(Arc::new(consumer)))
    }

    pub(crate) fn consumer(&self) -> &Arc<StreamConsumer<Context>> {
        self.0.as_ref().expect("it has not left")
    }

    /// Leaves the group, so that others need not wait until this member is missed.
    pub(crate) async fn leave(mut self) {
        let (tell, left) = oneshot::channel();
        if let Some(consumer) = self.0.take() {
            thread::spawn(move || {
                drop(consumer);
                tell.send(())
            });
        }
        if timeout(LEAVE_PATIENCE, left).await.is_err() {
            tracing::warn!("leaving the consumer group takes longer than {LEAVE_PATIENCE:?}");
        }
    }

    /// Has the client ask the brokers, in a thread that nobody waits for at the end of the process.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&StreamConsumer<Context>) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let consumer = Arc::clone(self.consumer());
        let (tell, answer) = oneshot::channel();
        thread::spawn(move || {
            let answer = question(&consumer);
            // This thread may be the last to have the client.
            drop(consumer);
            // Nobody may be waiting any more.
            let _ = tell.send(answer);
        });
        answer.await.unwrap_or(Err(KafkaError::Canceled))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(consumer) = self.0.take() {
            thread::spawn(move || drop(consumer));
        }
    }
}
