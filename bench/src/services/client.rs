//! Clients of the services: entries that are posted as merchants post them, and balances that are asked for.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use cashflow::{Date, Entry, EntryType, Totals};
use fastrand::Rng;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use test_tokens::Issuer;
use tokio::{net::TcpStream, time::sleep};

use crate::{
    data::{FIRST_MERCHANT, MINOR_MAX, Sums},
    http::Connection,
};

/// As many balances are looked at at once, when all are waited for.
const LOOKS_AT_ONCE: usize = 32;

/// Between two looks at a balance that does not show an entry yet: this, or a tenth of what has been waited. So who looks takes little
/// from what is looked at when that is slow already, and no time is overstated by more than a tenth and this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// An entry that was accepted and is not shown by then counts as lost, and ends the run: after a backlog, this is what one merchant takes
/// once the merchants before are shown.
const SHOW_PATIENCE: Duration = Duration::from_secs(120);

/// For how long requests are repeated that were not accepted, and between two of these.
const REPEAT_PATIENCE: Duration = Duration::from_secs(60);
const REPEAT_AFTER: Duration = Duration::from_millis(100);

/// Connections to one address, each of which has one request at a time.
pub struct Client {
    address: SocketAddr,
    idle: RefCell<Vec<Connection>>,
}

impl Client {
    /// It connects when it has to.
    pub fn new(address: SocketAddr) -> Client {
        Client { address, idle: RefCell::default() }
    }

    /// Sends a request, whose head this completes. A connection whose answer nobody waited for is not used again.
    pub async fn ask(&self, head: &str, body: &[u8]) -> Result<(u16, Bytes)> {
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::new(TcpStream::connect(self.address).await?)?,
        };
        connection.write(head, body).await?;
        let answer = connection.read_response().await?;
        self.idle.borrow_mut().push(connection);
        Ok(answer)
    }
}

/// A merchant's name and what their requests begin with.
struct Merchant {
    name: String,
    authorization: String,
    /// Entries that were accepted.
    accepted: Cell<u64>,
}

/// An entry that is sent, and again if need be.
struct Posted {
    merchant: usize,
    key: String,
    body: String,
    entry_type: EntryType,
    minor: i64,
}

/// Merchants who post entries of one day and look at its balance.
pub struct Merchants {
    entries: Client,
    balances: Client,
    merchants: Vec<Merchant>,
    date: Date,
    random: RefCell<Rng>,
    sent: Cell<u64>,
    unanswered: RefCell<Vec<Posted>>,
    sums: RefCell<Sums>,
}

impl Merchants {
    /// So many merchants, whose numbers begin with `first`, with the addresses of the services.
    pub fn new(
        issuer: &Issuer,
        date: Date,
        first: u32,
        count: u32,
        entries: SocketAddr,
        balances: SocketAddr,
    ) -> Merchants {
        let merchants = (first..first + count).map(|number| {
            let name = (FIRST_MERCHANT + number).to_string();
            let token = issuer.token(&json!({"custom:merchant_id": name}));
            Merchant {
                name,
                authorization: format!("host: bench\r\nauthorization: Bearer {token}\r\n"),
                accepted: Cell::new(0),
            }
        });
        Merchants {
            entries: Client::new(entries),
            balances: Client::new(balances),
            merchants: merchants.collect(),
            date,
            random: RefCell::new(Rng::with_seed(first.into())),
            sent: Cell::new(0),
            unanswered: RefCell::default(),
            sums: RefCell::default(),
        }
    }

    /// A merchant posts an entry. Answers when it is accepted; what is not is kept for [`Merchants::repeat_unanswered`].
    pub async fn post(&self) -> Result<()> {
        let merchant = self.random.borrow_mut().usize(0..self.merchants.len());
        self.post_of(merchant).await
    }

    async fn post_of(&self, merchant: usize) -> Result<()> {
        // It is among them until it is accepted, even if nobody waits for the answer any more.
        let number = self.sent.get();
        self.sent.set(number + 1);
        let posted = self.draw(merchant, number);
        let (key, head, body) = (posted.key.clone(), self.head_of(&posted), posted.body.clone());
        self.unanswered.borrow_mut().push(posted);
        let (status, answer) = self.entries.ask(&head, body.as_bytes()).await?;
        ensure!(status == 202, "an entry was answered with {status}: {}", String::from_utf8_lossy(&answer));
        let place =
            self.unanswered.borrow().iter().rposition(|posted| posted.key == key).context("it is unanswered")?;
        let posted = self.unanswered.borrow_mut().swap_remove(place);
        self.count_in(posted.merchant, posted.entry_type, posted.minor)
    }

    /// Counts an entry that came another way.
    pub fn count(&self, merchant: usize, entry: &Entry) -> Result<()> {
        self.count_in(merchant, entry.entry_type, entry.amount.minor())
    }

    fn draw(&self, merchant: usize, number: u64) -> Posted {
        let mut random = self.random.borrow_mut();
        let minor = random.i64(1..=MINOR_MAX);
        let (entry_type, word) =
            if random.bool() { (EntryType::Credit, "credit") } else { (EntryType::Debit, "debit") };
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        let body = format!(
            r#"{{"type": "{word}", "amount": "{amount}", "currency": "BRL", "date": "{}", "description": "Venda no cartão", "category": "vendas"}}"#,
            self.date
        );
        Posted { merchant, key: format!("sale-{number}"), body, entry_type, minor }
    }

    fn head_of(&self, posted: &Posted) -> String {
        let Merchant { authorization, .. } = &self.merchants[posted.merchant];
        let key = &posted.key;
        format!("POST /entries HTTP/1.1\r\n{authorization}content-type: application/json\r\nidempotency-key: {key}\r\n")
    }

    fn count_in(&self, merchant: usize, entry_type: EntryType, minor: i64) -> Result<()> {
        let merchant = &self.merchants[merchant];
        merchant.accepted.set(merchant.accepted.get() + 1);
        let totals = Totals::ZERO.with_entry(entry_type, minor)?;
        self.sums.borrow_mut().add_day(&merchant.name, self.date, totals)
    }

    /// Sends again, with their keys, what nobody knows the outcome of, until all of it is accepted. A service that has had too much says
    /// for a while yet that it is not available.
    pub async fn repeat_unanswered(&self) -> Result<()> {
        let deadline = Instant::now() + REPEAT_PATIENCE;
        for posted in self.unanswered.take() {
            loop {
                let (status, answer) = self.entries.ask(&self.head_of(&posted), posted.body.as_bytes()).await?;
                if status == 202 {
                    break;
                }
                let can_wait = status == 503 && Instant::now() < deadline;
                ensure!(can_wait, "a repeat was answered with {status}: {}", String::from_utf8_lossy(&answer));
                sleep(REPEAT_AFTER).await;
            }
            self.count_in(posted.merchant, posted.entry_type, posted.minor)?;
        }
        Ok(())
    }

    /// One merchant posts an entry and looks at the balance until it shows it. Answers how long that was, from the answer on.
    /// No other entry of that merchant may be under way.
    pub async fn post_and_look(&self, merchant: usize) -> Result<Duration> {
        self.post_of(merchant).await?;
        let accepted_at = Instant::now();
        self.until_shown(merchant).await?;
        Ok(accepted_at.elapsed())
    }

    /// Waits until the balances of all merchants show everything that was accepted, and nothing else.
    pub async fn until_all_shown(&self) -> Result<()> {
        let looks = (0..self.merchants.len()).map(|merchant| self.until_shown(merchant));
        stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).try_collect().await
    }

    async fn until_shown(&self, merchant: usize) -> Result<()> {
        let Merchant { name, accepted, .. } = &self.merchants[merchant];
        let begun_at = Instant::now();
        loop {
            let shown =
                self.balance(merchant).await?["entry_count"].as_u64().context("a balance without entry_count")?;
            ensure!(shown <= accepted.get(), "{name} has posted {} entries, and {shown} are shown", accepted.get());
            if shown == accepted.get() {
                return Ok(());
            }
            ensure!(
                begun_at.elapsed() < SHOW_PATIENCE,
                "{name} has {} accepted entries, and {shown} are shown after {SHOW_PATIENCE:?}",
                accepted.get()
            );
            sleep(LOOK_AGAIN_AFTER.max(begun_at.elapsed() / 10)).await;
        }
    }

    async fn balance(&self, merchant: usize) -> Result<Value> {
        let Merchant { authorization, .. } = &self.merchants[merchant];
        let head = format!("GET /daily-balances/{} HTTP/1.1\r\n{authorization}", self.date);
        let (status, answer) = self.balances.ask(&head, b"").await?;
        ensure!(status == 200, "a balance was answered with {status}: {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Adds the sums of all that was accepted.
    pub fn add_sums(&self, to: &mut Sums) -> Result<()> {
        to.add_all(&self.sums.borrow())
    }
}
