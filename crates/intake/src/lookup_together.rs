//! Looks of many requests at once: while some are under way, those that come are put together, so that the more come, the less each
//! of them costs the ledger.

use std::sync::Arc;

use cashflow::{EntryId, MerchantId};
use ledger::{Ledger, LedgerError, Recorded};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How many statements are under way at once.
const STATEMENTS_AT_ONCE: usize = 4;

/// The most requests of one statement. It takes no more of them once these have so many ids together.
const QUESTIONS_MAX: usize = 64;
const IDS_ENOUGH: usize = 500;

/// The most requests that wait, above what a service has in work.
const WAITING_MAX: usize = 4_096;

/// Asks the ledger for many requests at once.
#[derive(Debug, Clone)]
pub(crate) struct Together(mpsc::Sender<Question>);

/// What one request asks for.
#[derive(Debug)]
struct Question {
    merchant: MerchantId,
    ids: Vec<EntryId>,
    answer: oneshot::Sender<Answer>,
}

/// What each request is answered. If a statement fails, all of its requests do.
pub(crate) type Answer = Result<Vec<Recorded>, Arc<LedgerError>>;

impl Together {
    /// To be called where a `tokio` runtime runs. It works until nobody can ask any more.
    pub(crate) fn start(ledger: Arc<Ledger>) -> Together {
        let (sender, questions) = mpsc::channel(WAITING_MAX);
        tokio::spawn(answer_questions(ledger, questions));
        Together(sender)
    }

    /// What the ledger holds under these ids. `None` if that was never answered.
    pub(crate) async fn recorded(&self, merchant: &MerchantId, ids: &[EntryId]) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Question { merchant: merchant.clone(), ids: ids.to_vec(), answer }).await.ok()?;
        answered.await.ok()
    }
}

async fn answer_questions(ledger: Arc<Ledger>, mut questions: mpsc::Receiver<Question>) {
    let turns = Arc::new(Semaphore::new(STATEMENTS_AT_ONCE));
    // Nobody closes the turns.
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        let Some(together) = next(&mut questions).await else { return };
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            look_up(&ledger, together).await;
            drop(turn);
        });
    }
}

/// The next questions, or nothing when nobody can ask any more.
async fn next(questions: &mut mpsc::Receiver<Question>) -> Option<Vec<Question>> {
    let mut together = vec![questions.recv().await?];
    let mut id_count = together[0].ids.len();
    while together.len() < QUESTIONS_MAX && id_count < IDS_ENOUGH {
        let Ok(question) = questions.try_recv() else { break };
        id_count += question.ids.len();
        together.push(question);
    }
    Some(together)
}

async fn look_up(ledger: &Ledger, mut together: Vec<Question>) {
    // Nobody waits for these any more.
    together.retain(|question| !question.answer.is_closed());
    if together.is_empty() {
        return;
    }
    let asked: Vec<_> = together.iter().map(|question| (&question.merchant, question.ids.as_slice())).collect();
    let answers: Vec<Answer> = match ledger.recorded_together(&asked).await {
        Ok(recorded) => recorded.into_iter().map(|recorded| recorded.map_err(Arc::new)).collect(),
        Err(error) => {
            let error = Arc::new(error);
            together.iter().map(|_| Err(Arc::clone(&error))).collect()
        }
    };
    for (question, answer) in together.into_iter().zip(answers) {
        // Whoever has given up meanwhile goes without.
        let _ = question.answer.send(answer);
    }
}
