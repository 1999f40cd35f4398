//! The domain of Fluxo: money, entries, their identity, and daily balances.
//!
//! Nothing here performs IO, awaits, or reads a clock: the business date and the current time are arguments.
//! Input is parsed once, at the edge, into these types; everything further inward takes only these types.

mod alert;
mod balance;
mod currency;
mod date;
mod entry;
mod event;
mod feed;
mod fingerprint;
mod identity;
mod money;
mod positions;
mod posted;
mod seal;
mod statement;
mod text;
mod totals;

pub use alert::{AlertCrossing, AlertDirection, BalanceAlert};
pub use balance::{BalanceLine, BalanceToken, DailyBalance, daily_balances};
pub use currency::{Currency, UnknownCurrency};
pub use date::{DateError, FIRST_DATE, Month, MonthError, check_entry_date, parse_date};
pub use entry::{Entry, EntryRequest, EntryType, ReversalRequest, UnknownEntryType};
pub use event::{DayBalanceChanged, DayRestated, EndpointDisabled, Event, EventContent, EventId, EventType};
pub use feed::{EventPage, FeedCursor};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::{EntryId, IdempotencyKey, IdempotencyKeyError, MerchantId, MerchantIdError, NAMESPACE};
pub use jiff::civil::Date;
pub use money::{Amount, AmountError, parse_threshold};
pub use positions::{Positions, PositionsError, SLOTS};
pub use posted::{KeyConflict, PostedEntry, RecordedEntry};
pub use seal::{DayStatus, Seal, SealDigest, SealedEntry};
pub use statement::{StatementKey, StatementLine, StatementPage, StatementPosition};
pub use text::{CATEGORY_CHARACTERS_MAX, Category, DESCRIPTION_CHARACTERS_MAX, Description, TextError};
pub use totals::{Period, PeriodError, PeriodTotals, TotalOverflow, Totals, TotalsVersion};
