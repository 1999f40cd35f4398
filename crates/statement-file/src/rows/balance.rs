//! Lines of a statement that tell a balance or a total and are no movement, recognised by their words.

/// What the words of a row say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Wording {
    /// A movement, as far as words tell.
    #[default]
    Ordinary,
    /// They begin as those of a balance do and go on otherwise, or are those of a total.
    LikeBalance,
    /// They are nothing but those of a balance.
    Balance,
}

/// Words that name a balance. One of them makes a balance if all others are of [`QUALIFIERS`].
const BALANCES: [&str; 18] = [
    "saldo",
    "saldos",
    "sdo",
    "balance",
    "bal",
    "solde",
    "kontostand",
    "saldovortrag",
    "anfangssaldo",
    "endsaldo",
    "abschlusssaldo",
    "anfangsbestand",
    "endbestand",
    "beginsaldo",
    "eindsaldo",
    "slutsaldo",
    "brought",
    "carried",
];

/// Of these, those that are the first word of other things, too: `Balance Fitness`, `Brought by courier`.
const WORDS_OF_OTHERS: [&str; 4] = ["balance", "bal", "brought", "carried"];

/// Words that name a total.
const TOTALS: [&str; 9] =
    ["total", "totais", "totals", "totaux", "totale", "subtotal", "subtotais", "summe", "gesamtsumme"];

/// What is said about balances and totals, in several languages.
const QUALIFIERS: [&str; 151] = [
    // Portuguese, Spanish, Italian
    "anterior",
    "inicial",
    "final",
    "atual",
    "actual",
    "total",
    "totais",
    "parcial",
    "disponivel",
    "disponible",
    "disponibile",
    "bloqueado",
    "bloqueados",
    "contabil",
    "contabile",
    "contable",
    "devedor",
    "credor",
    "diario",
    "mensal",
    "liquido",
    "bruto",
    "provisorio",
    "inicio",
    "fim",
    "abertura",
    "fechamento",
    "apertura",
    "cierre",
    "encerramento",
    "transportado",
    "transportar",
    "transporte",
    "iniziale",
    "finale",
    "finales",
    "iniciales",
    "precedente",
    "attuale",
    "previo",
    "dia",
    "dias",
    "mes",
    "periodo",
    "data",
    "fecha",
    "extrato",
    "extracto",
    "conta",
    "contas",
    "corrente",
    "cta",
    "cc",
    "cuenta",
    "corriente",
    "conto",
    "poupanca",
    "aplic",
    "aplicacao",
    "aplicacoes",
    "apl",
    "aut",
    "automatica",
    "automaticas",
    "mais",
    "investimento",
    "investimentos",
    "invest",
    "fundo",
    "fundos",
    "resgate",
    "limite",
    "movimentacao",
    "geral",
    "creditos",
    "debitos",
    "credito",
    "debito",
    "lancamentos",
    "do",
    "da",
    "de",
    "del",
    "dos",
    "das",
    "em",
    "no",
    "na",
    "ao",
    "al",
    "el",
    "la",
    "o",
    "a",
    "e",
    "c",
    "r",
    "rs",
    "brl",
    "usd",
    "eur",
    "hoje",
    "ontem",
    "inter",
    // English
    "opening",
    "closing",
    "starting",
    "ending",
    "beginning",
    "previous",
    "last",
    "current",
    "available",
    "ledger",
    "statement",
    "final",
    "initial",
    "forward",
    "fwd",
    "brought",
    "carried",
    "b",
    "f",
    "bf",
    "cf",
    "account",
    "as",
    "of",
    "on",
    "at",
    "the",
    "day",
    "daily",
    "end",
    "start",
    "balance",
    "outstanding",
    "new",
    "old",
    // German, French, Dutch
    "alter",
    "neuer",
    "vortrag",
    "am",
    "per",
    "precedent",
    "nouveau",
    "ancien",
    "au",
    "du",
    "le",
    "initiale",
];

/// No words of a balance are longer; it bounds the work.
const CHARACTERS_MAX: usize = 120;

/// What a text says.
pub fn wording(text: &str) -> Wording {
    let words = words(text);
    let is_of = |list: &[&str], word: &str| list.contains(&word);
    let Some(first) = words.iter().find(|word| !is_number(word)) else { return Wording::Ordinary };
    let has_balance = words.iter().any(|word| is_of(&BALANCES, word));
    let only_such = words
        .iter()
        .all(|word| is_of(&BALANCES, word) || is_of(&TOTALS, word) || is_of(&QUALIFIERS, word) || is_number(word));
    if has_balance && only_such {
        // "Bal" or "balance" alone is a name as well as a balance.
        let is_clear =
            words.iter().any(|word| is_of(&BALANCES, word) && !is_of(&WORDS_OF_OTHERS, word)) || words.len() > 1;
        return if is_clear { Wording::Balance } else { Wording::LikeBalance };
    }
    let begins = is_of(&BALANCES, first) && !is_of(&WORDS_OF_OTHERS, first) || is_of(&TOTALS, first) && only_such;
    if begins { Wording::LikeBalance } else { Wording::Ordinary }
}

/// The words of a text in lower case and without accents; words that are spaced out, as in `S A L D O`, are put together.
fn words(text: &str) -> Vec<String> {
    let folded: String = text.chars().take(CHARACTERS_MAX).flat_map(char::to_lowercase).map(without_accent).collect();
    let mut words: Vec<String> = Vec::new();
    let mut spaced = String::new();
    let parts: Vec<&str> = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    for part in parts.iter().copied().chain([""]) {
        if part.len() == 1 && part.starts_with(|c: char| c.is_ascii_alphabetic()) {
            spaced.push_str(part);
            continue;
        }
        match segmented(&spaced) {
            Some(found) => words.extend(found),
            None => words.extend(spaced.chars().map(String::from)),
        }
        spaced.clear();
        if !part.is_empty() {
            words.push(part.to_owned());
        }
    }
    words
}

/// Letters that stood alone, as words of balances: the shortest list of words that they make, which has one of a balance.
fn segmented(letters: &str) -> Option<Vec<String>> {
    const LETTERS_MIN: usize = 3;
    if letters.len() < LETTERS_MIN {
        return None;
    }
    let mut best: Vec<Option<Vec<&str>>> = vec![Some(Vec::new())];
    for end in 1..=letters.len() {
        let mut shortest: Option<Vec<&str>> = None;
        for start in 0..end {
            let word = &letters[start..end];
            let is_known =
                word.len() > 1 && (BALANCES.contains(&word) || TOTALS.contains(&word) || QUALIFIERS.contains(&word));
            let before = best[start].as_ref().filter(|_| is_known);
            if let Some(before) = before.filter(|before| shortest.as_ref().is_none_or(|s| before.len() + 1 < s.len())) {
                shortest = Some(before.iter().copied().chain([word]).collect());
            }
        }
        best.push(shortest);
    }
    let words = best.pop().flatten()?;
    words
        .iter()
        .any(|word| BALANCES.contains(word) || TOTALS.contains(word))
        .then(|| words.into_iter().map(str::to_owned).collect())
}

fn is_number(word: &str) -> bool {
    const MONTHS: [&str; 19] = [
        "jan", "fev", "feb", "mar", "abr", "apr", "mai", "may", "jun", "jul", "ago", "aug", "set", "sep", "out", "oct",
        "nov", "dez", "dec",
    ];
    word.bytes().all(|b| b.is_ascii_digit()) || MONTHS.contains(&word)
}

fn without_accent(character: char) -> char {
    match character {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    }
}

#[cfg(test)]
mod tests;
