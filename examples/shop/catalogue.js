// What the shop sells, and how much of it lies in a cart. Prices in cents.

/** Drawings are 64 by 64, in the two colours of the page. */
export const products = [
  {
    id: 'lamp',
    name: 'Desk lamp',
    about: 'Warm light for a cold pager.',
    price: 4900,
    drawing:
      '<path d="M18 56h22M29 56V40L44 24"/><path class="fill" d="M36 14l14 14-10 4-8-8z"/><path class="glow" d="M50 30l8 12M44 34l2 14M54 22l9 3"/>',
  },
  {
    id: 'tea',
    name: 'Night tea',
    about: 'Lemon balm and mint. No caffeine, no regrets.',
    price: 650,
    drawing:
      '<path class="fill" d="M14 28h30v14a12 12 0 0 1-12 12h-6a12 12 0 0 1-12-12z"/><path d="M44 32h5a6 6 0 0 1 0 12h-5"/><path class="glow" d="M22 22c0-5 4-5 4-10M32 22c0-5 4-5 4-10"/>',
  },
  {
    id: 'blanket',
    name: 'Wool blanket',
    about: 'For the chair you did not mean to sleep in.',
    price: 8900,
    drawing:
      '<path class="fill" d="M12 20h34l8 8v24H12z"/><path d="M12 30h42M12 40h42M22 20v32M34 20v32"/><path class="glow" d="M16 52v6M24 52v6M32 52v6M40 52v6M48 52v6"/>',
  },
  {
    id: 'notebook',
    name: 'Runbook, empty',
    about: 'Ninety-six pages. Yours will stay blank.',
    price: 1200,
    drawing:
      '<path class="fill" d="M18 10h30v44H18z"/><path d="M24 10v44"/><path class="glow" d="M30 22h12M30 30h12M30 38h8"/>',
  },
  {
    id: 'slippers',
    name: 'Felt slippers',
    about: 'Quiet on the way to the other screen.',
    price: 3400,
    drawing:
      '<path class="fill" d="M8 44c0-12 8-20 18-18 6 1 6 8 14 10 10 2 16 4 16 12v2H8z"/><path class="glow" d="M20 34c4-3 8-2 10 2M8 50h48"/>',
  },
  {
    id: 'bell',
    name: 'Silent bell',
    about: 'Rings for nothing but good news.',
    price: 2100,
    drawing:
      '<path class="fill" d="M16 46c6-6 4-26 16-28 12 2 10 22 16 28z"/><path d="M32 18v-6M12 46h40"/><path class="glow" d="M27 52a5 5 0 0 0 10 0"/>',
  },
]

const byId = new Map(products.map((product) => [product.id, product]))
const mostOfOne = 9

/** `lamp.2~tea.1` to a map of numbers by product; what cannot be read is left out. */
export function parseCart(text) {
  const cart = new Map()
  for (const entry of (text ?? '').split('~')) {
    const [id, count] = entry.split('.')
    if (byId.has(id) && /^[1-9]$/.test(count)) cart.set(id, Number(count))
  }
  return cart
}

/** The inverse of `parseCart`; it fits a cookie as it is. */
export const formatCart = (cart) => [...cart].map(([id, count]) => `${id}.${count}`).join('~')

/** The cart with one more or one less of a product; an unknown product changes nothing. */
export function changeCart(cart, id, change) {
  const next = new Map(cart)
  if (!byId.has(id)) return next
  const count = Math.min((next.get(id) ?? 0) + change, mostOfOne)
  if (count > 0) next.set(id, count)
  else next.delete(id)
  return next
}

/** One line for each product in the cart, with what it comes to. */
export const linesOf = (cart) =>
  [...cart].map(([id, count]) => {
    const { name, price } = byId.get(id)
    return { id, name, count, price: price * count }
  })

export const totalOf = (cart) => linesOf(cart).reduce((sum, line) => sum + line.price, 0)
