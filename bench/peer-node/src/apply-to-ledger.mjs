// ApplyToLedger: appends the entries and adds them to their days' totals, in one transaction. Powertools answers repeats.
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import pg from "pg";
import { persistenceStore } from "./idempotency.mjs";

const pool = new pg.Pool({
  host: process.env.LEDGER_HOST,
  port: Number(process.env.LEDGER_PORT),
  database: process.env.LEDGER_DATABASE,
  user: process.env.LEDGER_USER,
  password: process.env.LEDGER_PASSWORD,
  max: 1,
});

const apply = makeIdempotent(
  async ({ state: { merchant_id: merchantId, entries } }) => {
    const posted = await inTransaction(async (client) => {
      const column = (name) => entries.map((entry) => entry[name] ?? null);
      const inserted = await client.query(
        `INSERT INTO peer.entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category)
         SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::date[], $8::text[], $9::text[])
         ON CONFLICT DO NOTHING RETURNING id`,
        [merchantId, column("id"), column("fingerprint"), column("type"), column("amount_minor"), column("currency"), column("date"), column("description"), column("category")],
      );
      await client.query(
        `INSERT INTO peer.daily_total AS total (merchant_id, currency, date, credits, debits, entry_count)
         SELECT merchant_id, currency, date, coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
                coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0), count(*)
         FROM peer.entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
         GROUP BY merchant_id, currency, date ORDER BY currency, date
         ON CONFLICT (merchant_id, currency, date) DO UPDATE SET credits = total.credits + excluded.credits,
           debits = total.debits + excluded.debits, entry_count = total.entry_count + excluded.entry_count`,
        [merchantId, inserted.rows.map((row) => row.id)],
      );
      return inserted.rowCount;
    });
    const dates = [...new Set(entries.map((entry) => entry.date))];
    const days = await pool.query(
      `SELECT currency, date::text AS period, credits, debits, entry_count FROM peer.daily_total
       WHERE merchant_id = $1 AND date = ANY ($2::date[])`,
      [merchantId, dates],
    );
    const months = await pool.query(
      `SELECT currency, to_char(date, 'YYYY-MM') AS period, sum(credits) AS credits, sum(debits) AS debits, sum(entry_count) AS entry_count
       FROM peer.daily_total WHERE merchant_id = $1 AND to_char(date, 'YYYY-MM') = ANY ($2::text[]) GROUP BY 1, 2`,
      [merchantId, [...new Set(dates.map((date) => date.slice(0, 7)))]],
    );
    console.log(JSON.stringify({ level: "INFO", message: "entries posted", merchantId, applied: posted }));
    return { merchant_id: merchantId, outcomes: { applied: posted, duplicate: entries.length - posted }, totals: [...days.rows, ...months.rows] };
  },
  {
    persistenceStore,
    config: new IdempotencyConfig({ eventKeyJmesPath: "state.entries[*].id", expiresAfterSeconds: 24 * 60 * 60 }),
  },
);

export const handler = (event, context) => apply(event, context);

async function inTransaction(work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
