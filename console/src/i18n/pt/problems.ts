export const problemsText = {
  "error.unauthorized": "Sua sessão terminou. Entre de novo; o que você digitou fica aqui.",
  "error.token": "O acesso não é aceito por este sistema. Entre de novo.",
  "error.merchant": "Seu usuário não está ligado a nenhum lojista. Peça a quem administra.",
  "error.clerk": "Seu usuário só consulta. Peça a quem administra para poder lançar.",
  "error.tooMany": "Muitos pedidos de uma vez. Espere um pouco e tente de novo.",
  "error.unavailable": "Uma parte do sistema não responde. Pode repetir: com a mesma chave nada entra duas vezes.",
  "error.network": "O sistema não pôde ser alcançado. Verifique a conexão; repetir é seguro.",
  "error.keyReused": "Não foi lançado: a chave já tem outro conteúdo. O primeiro está valendo e nada mudou.",
  "error.alreadyReversed": "Já foi estornado. Nada mudou.",
  "error.reversalOfReversal": "Um estorno não pode ser estornado. Faça um novo lançamento.",
  "error.notYetPosted": "Ainda não foi lançado. Tente de novo em instantes.",
  "error.notSettled": "Este momento ainda pode mudar. Peça um de 10 segundos atrás ou mais.",
  "error.notYetReflected": "O saldo ainda não inclui seu lançamento. Mostramos o de antes.",
  "error.sealInProgress": "Outro selo está sendo feito. Tente de novo em instantes.",
  "error.dayTooLarge": "O dia tem lançamentos demais para um selo. Nada foi selado.",
  "error.notFound": "Este lançamento não foi encontrado.",
  "error.parameter": "O endereço desta página tem um valor que o sistema não aceita.",
  "error.validation": "O sistema não aceitou os dados. Veja as mensagens nos campos.",
  "error.tooLarge": "É grande demais para um envio só.",
  "error.internal": "Algo falhou do nosso lado. Pode repetir: com a mesma chave nada entra duas vezes. Código {id}.",
  "error.unknown": "Não deu certo: {detail}",
  "wait.tooMany": "Muitos pedidos de uma vez. Tentamos de novo em {n} s.",
  "wait.unavailable":
    "Uma parte do sistema não responde. Nova tentativa em {n} s, com a mesma chave: nada entra duas vezes.",
  "wait.notYetPosted": "Ainda não foi lançado; tentamos de novo em {n} s.",
  "wait.notYetReflected": "O saldo ainda não inclui seu lançamento. Mostramos o de antes e atualizamos em {n} s.",
  "wait.seal": "Outro selo está sendo feito; tentamos de novo em {n} s.",
  "wait.network": "O sistema não pôde ser alcançado. Nova tentativa em {n} s; nada entra duas vezes.",
};

/** Every text of the other language. */
export type ProblemsText = Record<keyof typeof problemsText, string>;
