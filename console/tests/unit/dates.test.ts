import { describe, expect, it } from "vitest";
import {
  addDays,
  dateOf,
  days,
  daysBetween,
  isDate,
  isLater,
  localInput,
  momentOf,
  readDate,
  timeOf,
  today,
  weekday,
} from "../../src/lib/dates";

const SAO_PAULO = "America/Sao_Paulo";

describe("business dates", () => {
  it("are of the calendar, from 1900 on", () => {
    expect(isDate("2028-02-29")).toBe(true);
    for (const wrong of [
      "2026-02-29",
      "2026-13-01",
      "1899-12-31",
      "3000-01-01",
      "9999-12-31",
      "2026-1-1",
      "20260101",
      "",
    ])
      expect(isDate(wrong)).toBe(false);
  });

  it("are counted without clocks or time zones", () => {
    expect(addDays("2026-02-28", 1)).toBe("2026-03-01");
    expect(addDays("2026-01-01", -1)).toBe("2025-12-31");
    expect(daysBetween("2026-01-01", "2026-12-31")).toBe(364);
    expect(days("2026-12-30", "2027-01-02")).toEqual(["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]);
    expect(weekday("2026-11-28")).toBe(6);
  });

  it("are today in the business time zone, not in the browser's", () => {
    const lateEvening = new Date("2026-11-29T02:30:00Z");
    expect(today(SAO_PAULO, lateEvening)).toBe("2026-11-28");
    expect(today("Asia/Tokyo", lateEvening)).toBe("2026-11-29");
    expect(dateOf("2026-11-29T02:30:00.5Z", SAO_PAULO)).toBe("2026-11-28");
    expect(timeOf("2026-11-29T02:30:07.512Z", SAO_PAULO)).toBe("23:30:07");
  });

  it("are read as a language writes them", () => {
    const read = (typed: string): string | null => readDate(typed, "dmy", "2026-11-28");
    expect(read("27/11/2026")).toBe("2026-11-27");
    expect(read("sex, 27/11/2026")).toBe("2026-11-27");
    expect(read("1.2.26")).toBe("2026-02-01");
    expect(read("27/11")).toBe("2026-11-27");
    expect(read("2711")).toBe("2026-11-27");
    expect(read("27112025")).toBe("2025-11-27");
    expect(read("2026-11-27")).toBe("2026-11-27");
    expect(readDate("11/27/2026", "mdy", "2026-11-28")).toBe("2026-11-27");
    for (const wrong of ["31/11/2026", "11/27/2026", "ontem", ""]) expect(read(wrong)).toBeNull();
  });
});

describe("moments", () => {
  it("of a local time are found over changes of the offset", () => {
    expect(momentOf("2026-11-27T20:00:00", SAO_PAULO)).toBe("2026-11-27T23:00:00Z");
    expect(momentOf("2026-11-27 20:00", SAO_PAULO)).toBe("2026-11-27T23:00:00Z");
    expect(momentOf("2026-07-01T12:00:00", "Europe/Lisbon")).toBe("2026-07-01T11:00:00Z");
    expect(momentOf("2026-01-01T12:00:00", "Europe/Lisbon")).toBe("2026-01-01T12:00:00Z");
    expect(momentOf("amanhã", SAO_PAULO)).toBeNull();
    expect(momentOf("2026-02-30T10:00", SAO_PAULO)).toBeNull();
    expect(localInput("2026-11-27T23:00:00Z", SAO_PAULO)).toBe("2026-11-27T20:00:00");
  });

  it("are compared to the nanosecond", () => {
    expect(isLater("2026-11-27T10:00:00.123457Z", "2026-11-27T10:00:00.123456Z")).toBe(true);
    expect(isLater("2026-11-27T10:00:00Z", "2026-11-27T10:00:00.000000Z")).toBe(false);
    expect(isLater("2026-11-27T10:00:00.1Z", "2026-11-27T10:00:00.09Z")).toBe(true);
    expect(isLater("2026-11-27T10:00:00Z", "2026-11-27T08:00:00-03:00")).toBe(false);
  });
});
