/** What the page says, in both languages. */

const PT = {
  skip: "Ir para o conteúdo", inspector: "Inspetor", language: "Idioma", theme: "Tema", themeSystem: "Do sistema", themeLight: "Claro", themeDark: "Escuro",
  keys: "Atalhos do teclado", close: "Fechar", console: "Console", docs: "Documentação", elsewhere: "Outras páginas",
  searchLabel: "Id de um lançamento ou nome de uma execução", searchHint: "Id ou execução", filters: "Filtros", merchant: "Comerciante", became: "Situação", stateOf: "Estado", any: "Todas",
  since: "Iniciadas desde", until: "Iniciadas até", clear: "Limpar",
  waiting: "Fila de espera", dead: "Mensagens mortas, pedem ação", rerunning: "Rodando de novo", executions: "Execuções", all: "Ver todas", ofEntry: "Execuções do lançamento",
  more: "Mostrar mais", lookFurther: "Procurar mais atrás", lookedAt: (n) => `${n} execuções olhadas`, none: "Nenhuma execução.", noneHere: "Nenhuma execução assim entre as que foram olhadas.",
  firstUse: "Nenhum lançamento foi aceito ainda. Registre um, e a execução dele aparece aqui.",
  loading: "Carregando…", choose: "Escolha uma execução da lista, ou procure pelo id de um lançamento.", unknownEntry: "Nenhuma execução deste lançamento é conhecida.",
  andMore: (n) => `e mais ${n}`, entries: (n) => `${n} lanç.`, batch: (n) => `Lote de ${n} lançamentos`, unreadable: "Mensagem ilegível",
  next: (n, when) => `r${n} em ${when}`, due: (n) => `r${n} agora`, taken: (n) => `r${n} sendo lida`, undelayed: (n) => `r${n}, ainda sem hora`, ago: (t) => `há ${t}`,
  redrive: "Trazer de volta", redriveAll: (n) => (n === 1 ? "Trazer a mensagem de volta" : `Trazer as ${n} mensagens de volta`), redriveWhat: "Volta à fila de espera e roda de novo. Corrija antes o que o motivo diz; nada entra duas vezes.", moved: (n) => (n === 1 ? "1 mensagem voltou à fila de espera." : `${n} mensagens voltaram à fila de espera.`),
  reason: "Motivo", kinds: { running: "em andamento", recorded: "concluída (todas)", new: "novo", duplicate: "duplicado", conflict: "conflito", overtaken: "já estornado", parked: "estacionado", refused: "mensagem morta", failed: "não estacionado", stopped: "interrompido" },
  inBalance: "No saldo", after: "após replay", credit: "Crédito", debit: "Débito", of: "de", started: "iniciada", ended: "terminou", took: "durou",
  chain: "Execuções desta entrada", first: "1ª execução", run: (n) => `r${n}`, attempts: (n) => (n === 1 ? "1 tentativa" : `${n} tentativas`), ends: { running: "em andamento", parked: "estacionada", refused: "mensagem morta", failed: "não estacionada", stopped: "interrompida", done: "concluída" },
  otherInput: "outro conteúdo", waited: (t) => `após ${t} na fila`, fromQueue: (n) => `veio da fila: replay r${n}`, toQueue: (n) => `volta da fila como r${n}`, toQueueIn: (n, when) => `volta como r${n} em ${when}`, ranAgain: (n) => `rodou de novo como r${n}`,
  graph: "Máquina de estados", looks: { off: "não visitado", running: "em andamento", ok: "concluído", warn: "pulou o que já havia", caught: "falhou, desviado", parked: "estacionado", refused: "pede ação", stopped: "interrompido" },
  legend: { ok: "concluído", running: "em andamento", caught: "falhou", parked: "estacionado, com replay", refused: "pede ação", off: "não visitado" },
  outcome: { applied: "novo", duplicate: "duplicado", conflict: "conflito", already_reversed: "já estornado" }, outcomesOf: (n, word) => `${n} ${word}`,
  onFirst: "na primeira", inAttempt: (n, max) => `${n} de ${max}`, end: "concluída", actionNeeded: "! pede ação", anyError: "falha, sem mais tentativas", noneOfThem: "nenhum dos três",
  duration: "Duração", durationIn: (t) => `${t} nesta execução`, failedTook: (t) => `${t} em tentativas que falharam`, pausesTook: (t) => `${t} em pausas`,
  pieces: { failed: "falhou", pause: "pausa", done: "concluiu", running: "em andamento", cut: "sem resposta" },
  events: "Eventos", eventsWhat: "segundos desde o início", event: "Evento", detail: "Detalhe", execution: "execução", attempt: (n, max) => (max ? `tentativa ${n} de ${max}` : `tentativa ${n}`),
  selected: "Estado selecionado", notVisited: "Esta execução não passou por aqui.", result: "Resultado", attemptsWord: "Tentativas", entered: "Entrou", goesTo: "Seguiu para", input: "Entrada", output: "Saída", failedAttempt: (n) => `Tentativa ${n}, erro`, lastAttempt: (n) => `Tentativa ${n}, saída`, copy: "Copiar", copied: "Copiado", cutOff: (n) => `Mostrados os primeiros ${n} caracteres; Copiar leva tudo.`,
  liveStopped: "As atualizações pararam depois de 15 minutos.", resume: "Continuar", updated: (name, what) => `${name}: ${what}`,
  problem: "A página não conseguiu perguntar.", retry: "Tentar de novo", unreachable: "O inspetor não responde: o Fluxo parou? `make up` o inicia.",
  shortcuts: [["/", "procurar"], ["J K", "execução seguinte, anterior"], ["← →", "execução anterior, seguinte da mesma entrada"], ["↑ ↓", "estado anterior, seguinte, no desenho"], ["Esc", "limpar a procura"], ["?", "esta lista"]],
  zone: (zone) => `Horários em ${zone}.`, local: "Só neste computador: mostra valores e textos de lançamentos.",
};

const EN = {
  skip: "Skip to the content", inspector: "Inspector", language: "Language", theme: "Theme", themeSystem: "System", themeLight: "Light", themeDark: "Dark",
  keys: "Keyboard shortcuts", close: "Close", console: "Console", docs: "Documentation", elsewhere: "Other pages",
  searchLabel: "Id of an entry or name of an execution", searchHint: "Id or execution", filters: "Filters", merchant: "Merchant", became: "Outcome", stateOf: "State", any: "All",
  since: "Started since", until: "Started until", clear: "Clear",
  waiting: "Park queue", dead: "Dead letters, need action", rerunning: "Running again", executions: "Executions", all: "See all", ofEntry: "Executions of the entry",
  more: "Show more", lookFurther: "Look further back", lookedAt: (n) => `${n} executions looked at`, none: "No executions.", noneHere: "No such execution among those looked at.",
  firstUse: "No entry has been accepted yet. Register one, and its execution appears here.",
  loading: "Loading…", choose: "Choose an execution from the list, or search for an entry's id.", unknownEntry: "No execution of this entry is known.",
  andMore: (n) => `and ${n} more`, entries: (n) => `${n} entries`, batch: (n) => `Batch of ${n} entries`, unreadable: "Unreadable message",
  next: (n, when) => `r${n} in ${when}`, due: (n) => `r${n} now`, taken: (n) => `r${n} being read`, undelayed: (n) => `r${n}, no time yet`, ago: (t) => `${t} ago`,
  redrive: "Bring back", redriveAll: (n) => (n === 1 ? "Bring the message back" : `Bring ${n} messages back`), redriveWhat: "Goes back to the park queue and runs again. First mend what the reason says; nothing is posted twice.", moved: (n) => (n === 1 ? "1 message is back in the park queue." : `${n} messages are back in the park queue.`),
  reason: "Reason", kinds: { running: "running", recorded: "succeeded (all)", new: "new", duplicate: "duplicate", conflict: "conflict", overtaken: "already reversed", parked: "parked", refused: "dead letter", failed: "not parked", stopped: "stopped" },
  inBalance: "In the balance", after: "after replay", credit: "Credit", debit: "Debit", of: "of", started: "started", ended: "ended", took: "took",
  chain: "Executions of this input", first: "1st run", run: (n) => `r${n}`, attempts: (n) => (n === 1 ? "1 attempt" : `${n} attempts`), ends: { running: "running", parked: "parked", refused: "dead letter", failed: "not parked", stopped: "stopped", done: "succeeded" },
  otherInput: "other content", waited: (t) => `after ${t} in the queue`, fromQueue: (n) => `from the queue: replay r${n}`, toQueue: (n) => `comes back as r${n}`, toQueueIn: (n, when) => `comes back as r${n} in ${when}`, ranAgain: (n) => `ran again as r${n}`,
  graph: "State machine", looks: { off: "not visited", running: "running", ok: "succeeded", warn: "skipped what was there", caught: "failed, caught", parked: "parked", refused: "needs action", stopped: "stopped" },
  legend: { ok: "succeeded", running: "running", caught: "failed", parked: "parked, replayed", refused: "needs action", off: "not visited" },
  outcome: { applied: "new", duplicate: "duplicate", conflict: "conflict", already_reversed: "already reversed" }, outcomesOf: (n, word) => `${n} ${word}`,
  onFirst: "at once", inAttempt: (n, max) => `${n} of ${max}`, end: "succeeded", actionNeeded: "! needs action", anyError: "failed, no retry left", noneOfThem: "none of the three",
  duration: "Duration", durationIn: (t) => `${t} in this execution`, failedTook: (t) => `${t} in failed attempts`, pausesTook: (t) => `${t} in pauses`,
  pieces: { failed: "failed", pause: "pause", done: "succeeded", running: "running", cut: "no answer" },
  events: "Events", eventsWhat: "seconds since the start", event: "Event", detail: "Detail", execution: "execution", attempt: (n, max) => (max ? `attempt ${n} of ${max}` : `attempt ${n}`),
  selected: "Selected state", notVisited: "This execution did not come here.", result: "Result", attemptsWord: "Attempts", entered: "Entered", goesTo: "Went on to", input: "Input", output: "Output", failedAttempt: (n) => `Attempt ${n}, error`, lastAttempt: (n) => `Attempt ${n}, output`, copy: "Copy", copied: "Copied", cutOff: (n) => `The first ${n} characters are shown; Copy takes all.`,
  liveStopped: "Updates stopped after 15 minutes.", resume: "Go on", updated: (name, what) => `${name}: ${what}`,
  problem: "The page could not ask.", retry: "Try again", unreachable: "The inspector does not answer: was Fluxo stopped? `make up` starts it.",
  shortcuts: [["/", "search"], ["J K", "next, previous execution"], ["← →", "earlier, later execution of the same input"], ["↑ ↓", "previous, next state, in the drawing"], ["Esc", "clear the search"], ["?", "this list"]],
  zone: (zone) => `Times are in ${zone}.`, local: "On this computer only: it shows amounts and texts of entries.",
};

const LANGUAGES = { "pt-BR": PT, en: EN };
export const words = { ...PT };
export let language = "pt-BR";

/** The language that was chosen, or the browser's. */
export function preferred(chosen, browser) {
  if (chosen in LANGUAGES) return chosen;
  return browser.some((each) => /^pt\b/i.test(each)) || !browser.some((each) => /^en\b/i.test(each)) ? "pt-BR" : "en";
}

/** From now on the page speaks this one. */
export function speak(chosen) {
  language = chosen;
  Object.assign(words, LANGUAGES[chosen]);
}

/** Both, for the test that each says all. */
export { LANGUAGES };
