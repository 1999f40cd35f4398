import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/api/types";
import { inspectorHome, inspectorOf, type Inspector } from "../../src/lib/inspector";

const ID = "f8074bc3-3d8c-5a13-bf98-16220b3a9341";
const MACHINE = "arn:aws:states:sa-east-1:123456789012:stateMachine";

const aws: Inspector = {
  kind: "aws",
  region: "sa-east-1",
  stateMachineArn: `${MACHINE}:RecordEntriesExpress-1`,
  standardStateMachineArn: `${MACHINE}:RecordEntries-1`,
  logGroups: ["/aws/lambda/fluxo/register-entry", "/aws/lambda/fluxo/reverse-entry"],
};
const local: Inspector = { kind: "local", url: "http://127.0.0.1:18743/" };

function found(values: object): Entry {
  return { status: "posted", posted_at: "2026-11-22T15:04:06.123456Z", ...values } as Entry;
}

/** What the page of Logs Insights reads out of its address. */
function read(link: string | null): { times: string; query: string; source: string } {
  const [, , detail = ""] = /^(.*)#logsV2:logs-insights\$3FqueryDetail\$3D(.*)$/.exec(link ?? "") ?? [];
  const [, times = "", query = "", source = ""] =
    /^~\((.*)~editorString~'([\w.*-]*)~source~\(([\w.*~'-]*)\)~lang~'CWLI\)$/.exec(detail) ?? [];
  const text = (escaped: string): string => decodeURIComponent(escaped.replaceAll("*", "%"));
  return { times: text(times), query: text(query), source: text(source) };
}

describe("from an entry, an operator comes", () => {
  it("on AWS to the one execution that the API names", () => {
    const link = inspectorOf(aws, ID, found({ execution: "batch-1" }));
    const arn = encodeURIComponent("arn:aws:states:sa-east-1:123456789012:execution:RecordEntries-1:batch-1");
    expect(link).toBe(
      `https://sa-east-1.console.aws.amazon.com/states/home?region=sa-east-1#/v2/executions/details/${arn}`,
    );
  });

  it("on AWS to the logs where no execution is known, about the time of posting", () => {
    const link = inspectorOf(aws, ID, found({}));
    expect(link).toMatch(/^https:\/\/sa-east-1\.console\.aws\.amazon\.com\/cloudwatch\/home\?region=sa-east-1#/);
    expect(read(link)).toEqual({
      times: "end~'2026-11-22T16:04:06.123Z~start~'2026-11-21T15:04:06.123Z~timeType~'ABSOLUTE~tz~'UTC",
      query: `fields @timestamp, message, execution, error\n| filter @message like "${ID}"\n| sort @timestamp`,
      source: "~'/aws/lambda/fluxo/register-entry~'/aws/lambda/fluxo/reverse-entry",
    });
  });

  it("to the last day's logs of an entry that is not posted", () => {
    for (const status of ["pending", "already_reversed"]) {
      const link = inspectorOf(aws, ID, { status } as Entry);
      expect(read(link).times).toBe("end~0~start~-86400~timeType~'RELATIVE~tz~'UTC~unit~'seconds");
    }
  });

  it("on AWS nowhere before the entry is looked up", () => {
    expect(inspectorOf(aws, ID, null)).toBeNull();
  });

  it("on one machine to the launcher's page, whatever is known", () => {
    for (const entry of [null, found({ execution: "batch-1" })]) {
      expect(inspectorOf(local, ID, entry)).toBe(`http://127.0.0.1:18743/?entry=${ID}`);
    }
  });
});

it("all executions are those of the machine on which they are started", () => {
  expect(inspectorHome(local)).toBe("http://127.0.0.1:18743/");
  expect(inspectorHome(aws)).toBe(
    "https://sa-east-1.console.aws.amazon.com/states/home?region=sa-east-1#/statemachines/view/" +
      encodeURIComponent(`${MACHINE}:RecordEntriesExpress-1`),
  );
});
