import type { ProblemsText } from "../pt/problems";

export const problemsText: ProblemsText = {
  "error.unauthorized": "Your session has ended. Sign in again; what you typed stays here.",
  "error.token": "The sign-in is not accepted by this system. Sign in again.",
  "error.merchant": "Your user belongs to no merchant. Ask your administrator.",
  "error.clerk": "You can only read. Ask your administrator for the right to post.",
  "error.tooMany": "Too many requests. Wait a moment and try again.",
  "error.unavailable":
    "Part of the system is not answering. Safe to repeat: under the same key nothing is posted twice.",
  "error.network": "The system could not be reached. Check the connection; repeating is safe.",
  "error.keyReused": "Not posted: this key has other content. The first stands; nothing changed.",
  "error.alreadyReversed": "Already reversed. Nothing changed.",
  "error.reversalOfReversal": "A reversal cannot be reversed. Post a new entry instead.",
  "error.notYetPosted": "Not posted yet. Try again in a moment.",
  "error.notSettled": "That moment can still change. Ask for one 10 seconds ago or more.",
  "error.notYetReflected": "The balance does not include your entry yet. Showing the previous one.",
  "error.sealInProgress": "Another seal is being made. Try again in a moment.",
  "error.dayTooLarge": "The day has too many entries for a seal. Nothing was sealed.",
  "error.notFound": "This entry was not found.",
  "error.parameter": "The address of this page has a value that the system does not accept.",
  "error.validation": "The system did not accept the data. See the messages at the fields.",
  "error.tooLarge": "It is too large to be sent at once.",
  "error.internal": "Something failed on our side. Safe to repeat: same key, nothing twice. Code {id}.",
  "error.unknown": "It did not work: {detail}",
  "wait.tooMany": "Too many requests. Trying again in {n} s.",
  "wait.unavailable":
    "Part of the system is not answering. Trying again in {n} s under the same key: nothing is posted twice.",
  "wait.notYetPosted": "Not posted yet; trying again in {n} s.",
  "wait.notYetReflected": "The balance does not include your entry yet. Showing the previous one; updating in {n} s.",
  "wait.seal": "Another seal is being made; trying again in {n} s.",
  "wait.network": "The system could not be reached. Trying again in {n} s; nothing is posted twice.",
};
