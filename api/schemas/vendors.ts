/** Schemas of vendors, their keys and registrations, and of shoppers' sessions. */
import { registeredFields } from '../../engine/index.ts';
import {
  answer,
  count,
  money,
  object,
  oneOf,
  pageOf,
  productId,
  text,
  textOrNull,
  time,
  timeOrNull,
} from './common.ts';

export const vendorBody = object(
  {
    name: { ...text(200), pattern: '\\S' },
    invite_code: { ...text(200), description: 'Not built yet: 422 `unsupported`' },
  },
  ['name'],
);

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

const vendorProduct = {
  ...registeredFields,
  id: productId,
  status: oneOf('accepted', 'listed', 'withdrawn', 'rejected'),
  version: { type: 'integer', minimum: 1 },
  name: { type: 'string' },
  description: { type: 'string' },
  price: money,
  supply: { ...count, description: 'All units, sold ones too' },
  remaining_supply: {
    type: ['integer', 'null'],
    description: 'Free in the standing sale, as settled; null before it is there',
  },
  registered_at: time,
  updated_at: time,
};

/** The registered fields are as they were given, those that were. */
const givenFields = Object.keys(registeredFields).filter(
  (name) => !['name', 'description', 'price', 'remaining_supply'].includes(name),
);

export const vendorProductAnswer = answer(vendorProduct, givenFields);

export const vendorProductsAnswer = pageOf(vendorProductAnswer);

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
