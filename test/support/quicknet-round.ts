/** A round of drand's quicknet as it was published; noislabs/drand-verify shows it too. Hex, both. */
export const publishedRound = {
  round: 657_413,
  signature:
    'b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b',
  /** Its SHA-256. */
  randomness: 'fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587',
} as const;
