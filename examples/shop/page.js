// The pages of the shop, as text. Everything that a visitor typed is escaped.

import { randomUUID } from 'node:crypto'
import { linesOf, products, totalOf } from './catalogue.js'

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const safe = (text) => String(text).replace(/[&<>"']/g, (character) => escapes[character])

const euros = (cents) => `€ ${(cents / 100).toFixed(2)}`

const page = (title, main, replica) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/shop.css">
<script type="module" src="/answers.js"></script>
</head>
<body>
<header>
  <h1><a href="/">Night Shift</a></h1>
  <p>Comforts for people who are awake at three in the morning.</p>
</header>
${main}
<footer>
  <section aria-label="who answered">
    <h2>Who answers?</h2>
    <div id="answers"></div>
    <p id="replicas">This page came from <b>${safe(replica.name)}</b>, process ${replica.pid}.</p>
    <p class="hint">Kill one, in a terminal: <code id="kill">kill -9 ${replica.pid}</code>
    One colour disappears for a moment. No square turns red.</p>
  </section>
  <section id="kept" aria-label="who keeps the orders" hidden>
    <h2>Who keeps the orders?</h2>
    <div id="placed"></div>
    <p id="count"></p>
    <p class="hint">Each square is an order of somebody who cannot sleep. Kill the primary:
    <code id="kill-primary"></code> Orders wait for a moment; none is lost, none turns red.</p>
  </section>
</footer>
</body>
</html>
`

const card = (product) => `<article>
  <svg viewBox="0 0 64 64" aria-hidden="true">${product.drawing}</svg>
  <h3>${safe(product.name)}</h3>
  <p>${safe(product.about)}</p>
  <form method="post" action="/cart">
    <input type="hidden" name="item" value="${product.id}">
    <b>${euros(product.price)}</b>
    <button name="change" value="1" aria-label="Add ${safe(product.name)} to the cart">Add</button>
  </form>
</article>`

const cartLine = (line) => `<li>
  <form method="post" action="/cart">
    <input type="hidden" name="item" value="${line.id}">
    <span>${line.count} × ${safe(line.name)}</span>
    <b>${euros(line.price)}</b>
    <button name="change" value="-1" aria-label="One ${safe(line.name)} less">−</button>
    <button name="change" value="1" aria-label="One ${safe(line.name)} more">+</button>
  </form>
</li>`

/** A key of its own for each page: however often its button is pressed, it is one order. */
const checkout = (cart) => `<form method="post" action="/orders" class="checkout">
  <input type="hidden" name="key" value="${randomUUID()}">
  <b>${euros(totalOf(cart))}</b>
  <button>Order</button>
</form>`

const cartPanel = (cart) => `<aside aria-label="cart">
  <h2>Your cart</h2>
  ${
    cart.size === 0
      ? '<p>Nothing yet. It is quiet.</p>'
      : `<ul>${linesOf(cart).map(cartLine).join('')}</ul>${checkout(cart)}`
  }
</aside>`

export const shopPage = (cart, replica) =>
  page(
    'Night Shift',
    `<main><section class="shelf" aria-label="products">${products.map(card).join('')}</section>
${cartPanel(cart)}</main>`,
    replica,
  )

export const orderPage = ({ kind, order }, replica) =>
  page(
    `Order ${order.number}`,
    `<main class="note">
<h2>Order ${safe(order.number)} ${kind === 'placed' ? 'is placed' : 'was placed before'}</h2>
<ul>${order.lines.map((line) => `<li>${line.count} × ${safe(line.name)}</li>`).join('')}</ul>
<p>${euros(order.total)}. Sleep well.</p>
<p><a href="/">Back to the shop</a></p>
</main>`,
    replica,
  )

export const notePage = (title, text, replica) =>
  page(
    title,
    `<main class="note"><h2>${safe(title)}</h2><p>${safe(text)}</p>
<p><a href="/">Back to the shop</a></p></main>`,
    replica,
  )
