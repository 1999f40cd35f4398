use std::collections::BTreeSet;

use cashflow::{Entry, MerchantId};
use futures::future::{join_all, try_join};
use tokio_postgres::{Client, types::Type};

use crate::{
    Ledger, Outcome, PostError, Posting,
    columns::{Columns, Parts, by_number},
    post::answer_each,
    rows::read_ledger_totals,
    session::STATEMENTS_TIMEOUT,
};

impl Ledger {
    /// Posts entries of several merchants in one transaction, which costs little more than one entry does. Each merchant is given
    /// once, with at least one entry, and no entry twice.
    ///
    /// Answers for each merchant what [`Ledger::post`] would. If one entry is refused, none of any merchant is posted. Once they are
    /// posted, a merchant may be without an answer, and the others are answered all the same.
    pub async fn post_together(
        &self,
        batches: &[(&MerchantId, &[Entry])],
    ) -> Result<Vec<Result<Posting, PostError>>, PostError> {
        self.run(STATEMENTS_TIMEOUT, async |client| post_together(client, batches).await).await
    }
}

/// As `post` does: two statements, answered in one round trip. The second sees what the first has committed.
async fn post_together(
    client: &Client,
    batches: &[(&MerchantId, &[Entry])],
) -> Result<Vec<Result<Posting, PostError>>, PostError> {
    // Always in this order, so that no two transactions wait for each other's merchants in a ring.
    let mut order: Vec<usize> = (0..batches.len()).collect();
    order.sort_unstable_by_key(|index| batches[*index].0);
    let in_order = || order.iter().map(|index| batches[*index]);

    let columns = Columns::new(in_order().flat_map(|(_, entries)| entries));
    let (mut parts, mut parts_of_days) = (Parts::default(), Parts::default());
    let (mut currencies, mut dates) = (Vec::new(), Vec::new());
    for (merchant, entries) in in_order() {
        let days: BTreeSet<_> = entries.iter().map(|entry| (entry.amount.currency().code(), entry.date)).collect();
        parts.push(merchant.as_str(), entries.len());
        parts_of_days.push(merchant.as_str(), days.len());
        currencies.extend(days.iter().map(|(currency, _)| *currency));
        dates.extend(days.iter().map(|(_, date)| date.to_string()));
    }
    let totals_call = Parts::call_each(
        "ledger.period_totals",
        &[
            format!("currencies => {}", Parts::slice(Parts::PARAMETERS + 1)),
            format!("dates => {}", Parts::slice(Parts::PARAMETERS + 2)),
        ],
    );
    let mut of_days = parts_of_days.parameters().to_vec();
    of_days.extend([(&currencies as _, Type::TEXT_ARRAY), (&dates as _, Type::TEXT_ARRAY)]);

    let (posted, totals) = try_join(
        client.query_typed(&columns.call_each("ledger.post", &["total_slot => NULL"]), &columns.parameters_of(&parts)),
        client.query_typed(&totals_call, &of_days),
    )
    .await?;

    let (mut posted, mut totals) = (by_number(posted), by_number(totals));
    let answers = (1..).zip(in_order()).map(|(number, (merchant, entries))| {
        let (posted, totals) = (posted.remove(&number).unwrap_or_default(), totals.remove(&number).unwrap_or_default());
        async move {
            if posted.len() == entries.len() {
                let after = read_ledger_totals(&totals)?;
                return Ok(Posting { outcomes: vec![Outcome::Posted; entries.len()], after });
            }
            answer_each(client, merchant, entries, &Columns::new(entries), &posted).await
        }
    });
    // Whoever has to be asked about is asked about at once.
    let answers = join_all(answers).await;
    let mut answers: Vec<_> = order.into_iter().zip(answers).collect();
    answers.sort_unstable_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}
