/** Schemas of vendors, their keys and registrations, and of shoppers' sessions. */
import {
  answer,
  object,
  oneOf,
  pageOf,
  productId,
  text,
  textOrNull,
  time,
  timeOrNull,
} from './common.ts';

export const vendorBody = object({ name: { ...text(200), pattern: '\\S' } }, ['name']);

const keyShown = {
  type: ['string', 'null'],
  pattern: '^hnk_',
  description: 'Shown this once and kept nowhere: null in a replay',
};

export const vendorAnswer = answer({
  id: { type: 'string' },
  name: { type: 'string' },
  key: keyShown,
  key_id: { type: 'string' },
});

export const keyAnswer = answer({ id: { type: 'string' }, key: keyShown });

export const keysAnswer = pageOf(
  answer({
    id: { type: 'string' },
    hint: { type: 'string', description: 'Its last four characters' },
    created_at: time,
    revoked_at: timeOrNull,
  }),
);

export const keyRevokedAnswer = answer({
  id: { type: 'string' },
  revoked: { type: 'boolean', enum: [true] },
});

export const acceptedAnswer = answer({
  id: productId,
  status: oneOf('accepted'),
  status_url: { type: 'string' },
});

export const registrationAnswer = answer(
  { id: productId, status: oneOf('accepted', 'listed', 'rejected'), reason: textOrNull },
  ['reason'],
);

export const sessionBody = object({
  shopper: {
    type: 'string',
    pattern: '^(?!gst_)[A-Za-z0-9_.:-]{1,64}$',
    description: 'Used as it is; without it a new shopper each time',
  },
});

export const sessionAnswer = answer({
  token: { type: 'string' },
  shopper_id: { type: 'string' },
  expires_at: time,
});
