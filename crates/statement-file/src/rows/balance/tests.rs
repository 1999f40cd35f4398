use proptest::prelude::*;

use super::*;

#[test]
fn balances_are_recognised_in_several_wordings() {
    for text in [
        "Saldo",
        "SALDO ANTERIOR",
        "Saldo Anterior em 31/12/2025",
        "Saldo do dia",
        "SALDO TOTAL DISPONÍVEL DIA",
        "Saldo disponível",
        "S A L D O",
        "S A L D O   A N T E R I O R",
        "S A L D O A N T E R I O R",
        "Saldo inicial",
        "Saldo final do período:",
        "SALDO APLIC AUT MAIS",
        "SDO CTA/APL AUTOMATICAS",
        "Saldo em C/C",
        "Saldo bloqueado",
        "*** SALDO ATUAL ***",
        "Opening balance",
        "CLOSING BALANCE 31 JAN 2026",
        "Balance brought forward",
        "Brought forward",
        "Balance b/f",
        "Solde précédent",
        "Solde au 31/01/2026",
        "Anfangssaldo",
        "Alter Kontostand",
        "Saldo contabile finale",
    ] {
        assert_eq!(wording(text), Wording::Balance, "{text}");
    }
}

#[test]
fn what_only_begins_like_a_balance_or_names_a_total_is_told_apart() {
    for text in [
        "Saldo devedor cartao 1234 Loja",
        "Saldo TED Joao",
        "SALDO DE SALARIO",
        "Total",
        "TOTAL GERAL",
        "Total de créditos",
        "Balance",
        "Subtotal",
    ] {
        assert_eq!(wording(text), Wording::LikeBalance, "{text}");
    }
}

#[test]
fn a_movement_whose_text_has_such_a_word_is_one() {
    for text in [
        "",
        "Pagamento saldo devedor cartao",
        "Transferencia de saldo",
        "Pix - Recebido",
        "Tarifa",
        "Balance Fitness Studio",
        "New Balance Store",
        "Total Express Logistica",
        "Posto Total 12",
        "A B C",
        "Saldao de moveis",
        "12345",
        "jan",
    ] {
        assert_eq!(wording(text), Wording::Ordinary, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_has_a_wording(text in "\\PC{0,200}|[a-z ]{0,200}") {
        let _ = wording(&text);
    }
}
