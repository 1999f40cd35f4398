import type { Entry } from "../api/types";

/** Where operators look at what entries went through: the launcher's page on this machine, or AWS's own consoles. */
export type Inspector =
  | { kind: "local"; url: string }
  | {
      kind: "aws";
      region: string;
      /** On which executions are started. */
      stateMachineArn: string;
      /** Whose executions can be looked at one by one. */
      standardStateMachineArn: string;
      /** The log groups of the functions through which an entry goes. */
      logGroups: string[];
    };

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** All executions. */
export function inspectorHome(inspector: Inspector): string {
  if (inspector.kind === "local") return inspector.url;
  return statesConsole(inspector.region, `/statemachines/view/${encodeURIComponent(inspector.stateMachineArn)}`);
}

/**
 * What one entry went through. On AWS its execution, where the API names it; otherwise the lines of the logs that have the entry's id,
 * from which the name follows. `null` until the entry is looked up.
 */
export function inspectorOf(inspector: Inspector, id: string, entry: Entry | null): string | null {
  if (inspector.kind === "local") {
    const address = new URL(inspector.url);
    address.searchParams.set("entry", id);
    return address.href;
  }
  if (!entry) return null;
  if (!entry.execution) return logsOf(inspector, id, entry.status === "posted" ? entry.posted_at : null);
  const arn = `${inspector.standardStateMachineArn.replace(":stateMachine:", ":execution:")}:${entry.execution}`;
  return statesConsole(inspector.region, `/v2/executions/details/${encodeURIComponent(arn)}`);
}

function statesConsole(region: string, place: string): string {
  return `https://${region}.console.aws.amazon.com/states/home?region=${region}#${place}`;
}

/**
 * A query of Logs Insights, as its page writes it into its address: `~` before each part, `'` before each text. An entry is accepted
 * and posted within moments; whoever looks at one that has waited for longer than a day chooses an earlier start there.
 */
function logsOf({ region, logGroups }: Inspector & { kind: "aws" }, id: string, postedAt: string | null): string {
  const at = postedAt === null ? null : Date.parse(postedAt);
  const times =
    at === null
      ? `end~0~start~-${DAY_MS / 1000}~timeType~'RELATIVE~tz~'UTC~unit~'seconds`
      : `end~${text(moment(at + HOUR_MS))}~start~${text(moment(at - DAY_MS))}~timeType~'ABSOLUTE~tz~'UTC`;
  const query = `fields @timestamp, message, execution, error\n| filter @message like "${id}"\n| sort @timestamp`;
  const source = logGroups.map((group) => `~${text(group)}`).join("");
  const detail = `~(${times}~editorString~${text(query)}~source~(${source})~lang~'CWLI)`;
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D${detail}`;
}

function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function text(value: string): string {
  const escaped = value.replace(/[^\w.-]/g, (char) => `*${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `'${escaped}`;
}
