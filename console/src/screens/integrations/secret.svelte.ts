/** A secret that the API has just answered. It is in this page's memory only, and only until its dialog is closed. */
export interface NewSecret {
  url: string;
  secret: string;
  publicKey: string;
  /** Until when the secret before it is valid, too; `null` for a new endpoint. */
  previousValidUntil: string | null;
  /** The element that gets the focus when the dialog is closed. */
  returnTo: string;
}

class Revealed {
  /** Outlives the screen that asked for it: whoever goes back in the browser's history still sees it. */
  current = $state.raw<NewSecret | null>(null);
}

export const revealed = new Revealed();
