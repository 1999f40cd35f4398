#![expect(
    clippy::disallowed_types,
    reason = "what is derived for a struct with flattened fields names floats; no field is one"
)]

use cashflow::{Currency, MerchantId, MerchantIdError, Period, PeriodError, PeriodTotals, Totals, UnknownCurrency};
use serde::{Deserialize, Serialize};

use crate::{ErrorName, UnknownFields, input::is_currency_code};

/// What `ApplyToLedger` answers and `ConsolidateDay` takes: the outcomes, and the totals that the ledger shows after
/// them for every day and month the entries belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedEntries {
    /// Whose entries these are.
    pub merchant_id: String,
    /// How many entries came to which outcome, for `IdempotencyCheck`.
    pub outcomes: Outcomes,
    /// The ids of entries whose key was used before with another payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The ids of reversals that another reversal of the same entry has overtaken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already_reversed: Vec<String>,
    /// The ledger's epoch at the time of the totals.
    pub epoch: u32,
    /// When the totals were read, by the ledger's clock.
    pub totals_at: jiff::Timestamp,
    /// Since when the entries have been on their way, if that is known: since their execution started, or since they were
    /// parked for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<jiff::Timestamp>,
    /// The absolute totals of each affected day and month.
    pub totals: Vec<PeriodTotalsState>,
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// How many entries came to which outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// Posted by this execution. The stored name is older than the term (docs/adr/0026).
    #[serde(rename = "applied")]
    pub posted: u32,
    /// Posted before, by the same request.
    pub duplicate: u32,
    /// Not posted: another request used the key first.
    pub conflict: u32,
    /// Not posted: another reversal undid the same entry first.
    #[serde(default)]
    pub already_reversed: u32,
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// [`PeriodTotals`] as workflow state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodTotalsState {
    /// `YYYY-MM-DD` or `YYYY-MM`.
    pub period: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// In minor units.
    pub credits: String,
    /// In minor units.
    pub debits: String,
    /// How many entries the totals cover.
    pub entry_count: u64,
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// What `ConsolidateDay` answers: the end of the workflow, as an operator reads it in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consolidation {
    /// How many entries came to which outcome.
    pub outcomes: Outcomes,
    /// The ids of entries whose key was used before with another payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The ids of reversals that another reversal of the same entry has overtaken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already_reversed: Vec<String>,
    /// How many totals were written to the read model.
    pub written: u32,
    /// How many were not, because the same or newer ones were there.
    pub up_to_date: u32,
}

impl PostedEntries {
    /// The merchant and the totals behind it.
    pub fn parse_totals(&self) -> Result<(MerchantId, Vec<PeriodTotals>), TotalsError> {
        self.check_all_is_known()?;
        let merchant = MerchantId::parse(&self.merchant_id)?;
        let totals = self.totals.iter().map(PeriodTotalsState::parse).collect::<Result<_, _>>()?;
        Ok((merchant, totals))
    }

    fn check_all_is_known(&self) -> Result<(), TotalsError> {
        let of_totals = self.totals.iter().map(|totals| &totals.unknown);
        let mut unknown = [&self.unknown, &self.outcomes.unknown].into_iter().chain(of_totals);
        if unknown.all(UnknownFields::is_empty) { Ok(()) } else { Err(TotalsError(Fault::UnknownField)) }
    }
}

impl PeriodTotalsState {
    /// These totals as workflow state.
    pub fn new(totals: &PeriodTotals) -> PeriodTotalsState {
        PeriodTotalsState {
            period: totals.period.to_string(),
            currency: totals.currency.code().to_owned(),
            credits: totals.totals.credits.to_string(),
            debits: totals.totals.debits.to_string(),
            entry_count: totals.totals.entry_count,
            unknown: UnknownFields::default(),
        }
    }

    fn parse(&self) -> Result<PeriodTotals, TotalsError> {
        let sum = |text: &str| text.parse().ok().filter(|sum| *sum >= 0).ok_or(TotalsError(Fault::Minor));
        Ok(PeriodTotals {
            period: Period::parse(&self.period)?,
            currency: Currency::parse(&self.currency).map_err(|error| Fault::currency(&self.currency, error))?,
            totals: Totals { credits: sum(&self.credits)?, debits: sum(&self.debits)?, entry_count: self.entry_count },
        })
    }
}

/// The state does not describe totals that this release can write.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct TotalsError(#[from] Fault);

impl TotalsError {
    /// The name of the error with which a task refuses the state.
    pub fn name(&self) -> ErrorName {
        match self.0 {
            Fault::UnknownField | Fault::UnknownCurrency => ErrorName::NewerInput,
            Fault::MerchantId(_) | Fault::Period(_) | Fault::Currency(_) | Fault::Minor => ErrorName::InvalidInput,
        }
    }
}

impl From<MerchantIdError> for TotalsError {
    fn from(error: MerchantIdError) -> TotalsError {
        TotalsError(Fault::MerchantId(error))
    }
}

impl From<PeriodError> for TotalsError {
    fn from(error: PeriodError) -> TotalsError {
        TotalsError(Fault::Period(error))
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("has a field that this release does not know; a newer release wrote it")]
    UnknownField,
    #[error("currency is unknown to this release; a newer release wrote it")]
    UnknownCurrency,
    #[error("merchant_id {0}")]
    MerchantId(MerchantIdError),
    #[error("period {0}")]
    Period(PeriodError),
    #[error("currency {0}")]
    Currency(UnknownCurrency),
    #[error("credits and debits must be whole numbers of minor units, not negative")]
    Minor,
}

impl Fault {
    fn currency(text: &str, error: UnknownCurrency) -> Fault {
        if is_currency_code(text) { Fault::UnknownCurrency } else { Fault::Currency(error) }
    }
}
