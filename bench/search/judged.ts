/**
 * Queries judged by hand: which classes of products answer them, and which words of a product
 * matter beside its class, written as products write them. Typing errors are what shoppers typed.
 */
export interface Judged {
  readonly query: string;
  /** Classes that a shopper means, as the generated shop names them. */
  readonly kinds: readonly string[];
  /** Beginnings of words; a product with all of them is right, with some it is near. */
  readonly words: readonly string[];
}

const judged = (query: string, kinds: string, words = ''): Judged => ({
  query,
  kinds: kinds.split(';'),
  words: words === '' ? [] : words.split(' '),
});

export const judgedQueries: readonly Judged[] = [
  judged('salon chair', 'Massage Chairs', 'salon'),
  judged('smart coffee table', 'Coffee & Cocktail Tables', 'smart'),
  judged('turquoise pillows', 'Accent Pillows', 'turquoise'),
  judged('turqoise pillow', 'Accent Pillows', 'turquoise'),
  judged('sofa with ottoman', 'Sectionals', 'ottoman'),
  judged('king poster bed', 'Beds', 'king poster'),
  judged('black 5 drawer dresser by guilford', 'Dressers & Chests', 'black guilford'),
  judged('enclosed shoe rack', 'Shoe Storage', 'enclosed'),
  judged('elegant executive chair', 'Office Chairs', 'executive'),
  judged('executive chairs', 'Office Chairs', 'executive'),
  judged('tufted chair with gold legs', 'Accent Chairs', 'tufted gold'),
  judged('tufted gold chiar', 'Accent Chairs', 'tufted gold'),
  judged('tollette teal outdoor rug', 'Area Rugs', 'teal'),
  judged('teal outdoor rugs', 'Area Rugs', 'teal'),
  judged('capricorn chest', 'Dressers & Chests', 'capricorn'),
  judged('gnome fairy garden', 'Garden Accents', 'gnome'),
  judged('annex dresser', 'Dressers & Chests', 'annex'),
  judged('7 draw white dresser', 'Dressers & Chests', 'white'),
  judged('white dresser', 'Dressers & Chests', 'white'),
  judged('filaret outdoor sofa', 'Patio Sofas', 'filaret'),
  judged('tufted upholstered bed diamond', 'Beds', 'tufted diamond'),
  judged('outdoor movie screen', 'Projector Screens', 'movie'),
  judged('mila task chair', 'Office Chairs', 'mila'),
  judged('task chairs', 'Office Chairs', 'task'),
  judged('zodiac pillow', 'Accent Pillows', 'zodiac'),
  judged('boho bed frame', 'Bed Frames', 'boho'),
  judged('entertainment console', 'TV Stands & Entertainment Centers', 'console'),
  judged('low profile loveseat recliner', 'Sofas', 'loveseat'),
  judged('dumbbells', 'Free Weights', 'dumbbell'),
  judged('dumbell', 'Free Weights', 'dumbbell'),
  judged('papasan chair frame only', 'Accent Chairs', 'papasan'),
  judged('accent chair recliner', 'Recliners', 'accent'),
  judged('feather wall art', 'Wall Art', 'feather'),
  judged('nectar queen mattress', 'Foam and Latex Mattresses', 'nectar'),
  judged('mexican art', 'Wall Art', 'mexican'),
  judged('board game storage cabinet', 'Office Storage Cabinets', 'board'),
  judged('belchertown table lamp', 'Table Lamps', 'belchertown'),
  judged('table lamp family', 'Table Lamps', 'family'),
  judged('kraus kitchen sink faucet oletto kpf 2820 sfs', 'Kitchen Faucets', 'kraus'),
  judged('kraus faucet', 'Kitchen Faucets', 'kraus'),
  judged('waterfall faucet', 'Bathroom Sink Faucets', 'waterfall'),
  judged('water fall fauset', 'Bathroom Sink Faucets', 'waterfall'),
  judged('artificial orchid arrangement', 'Faux Florals', 'orchid'),
  judged('orchids', 'Faux Florals', 'orchid'),
  judged('pull out sleeper loveseat', 'Sofas', 'sleeper'),
  judged('bistro table and chairs', 'Patio Dining Sets', 'bistro'),
  judged('comfortable accent chair', 'Accent Chairs', 'comfortable'),
  judged('nursery end table', 'End Tables', 'nursery'),
  judged('cortez pillow', 'Accent Pillows', 'cortez'),
  judged('gowdy height adjustable standing desk', 'Desks', 'gowdy'),
  judged('marlon tufted queen bed', 'Beds', 'marlon'),
  judged('moen multi function dual shower head', 'Shower Heads', 'moen'),
  judged('ligth bulb', 'Light Bulbs', 'bulb'),
  judged('light bulbs', 'Light Bulbs', 'bulb'),
  judged('meade mirror', 'Wall & Accent Mirrors', 'meade'),
  judged('blaylock bookcase headboard', 'Headboards', 'blaylock'),
  judged('outdoor waterproof chest', 'Deck Boxes', 'waterproof'),
  judged('white bathroom vanity black hardware', 'Vanities', 'white'),
  judged('farmhouse hood vent', 'Range Hoods', 'farmhouse'),
  judged('glass lsmp shades', 'Lighting Shades', 'glass'),
  judged('outdoor clock', 'Weather Instruments;Wall Clocks', 'outdoor'),
  judged('dining room tables', 'Dining Tables'),
  judged('shoe bench entryway', 'Shoe Storage', 'bench'),
  judged('full bed with trundle', 'Kids Beds', 'trundle'),
  judged('desk for kids', 'Kids Desks'),
  judged('worn leather office chair', 'Office Chairs', 'leather'),
  judged('leather office chairs', 'Office Chairs', 'leather'),
];
