/** States of an order and what may come next. Pure. */
const next: Readonly<Record<string, readonly string[]>> = {
  held: ['payment_pending', 'paid', 'released', 'expired'],
  payment_pending: ['action_required', 'paid', 'payment_failed'],
  action_required: ['paid', 'payment_failed'],
  paid: ['packed', 'refund_pending', 'cancelled'],
  packed: ['shipped', 'refund_pending'],
  shipped: ['delivered'],
  delivered: [],
  released: [],
  expired: [],
  payment_failed: [],
  cancelled: [],
  refund_pending: ['refunded'],
  refunded: [],
};

export const nextStates = (state: string): readonly string[] => next[state] ?? [];
