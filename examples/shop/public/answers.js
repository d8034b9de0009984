// Asks four times a second who answers, and draws each answer as a square: a colour for each
// replica, red for none. Where orders are in a database it places one each second, and draws who
// keeps it. This is what an outage would look like from outside.

const every = 250
const shown = 96
const lateAfter = 1000
const hues = [42, 190, 265, 130, 320, 20]

const strip = document.querySelector('#answers')
const summary = document.querySelector('#replicas')
const kill = document.querySelector('#kill')
/** What is known of each replica, by name. */
const replicas = new Map()
let lost = 0

function seen(answer) {
  const known = replicas.get(answer.name)
  const replica = known ?? { hue: hues[replicas.size % hues.length], answers: 0 }
  replica.answers += 1
  replica.restarted = known !== undefined && (known.restarted || known.pid !== answer.pid)
  replica.pid = answer.pid
  replicas.set(answer.name, replica)
  return replica
}

function draw(strip, title, className, hue) {
  const square = document.createElement('i')
  square.title = title
  square.className = className
  if (hue !== undefined) square.style.setProperty('--hue', hue)
  strip.append(square)
  while (strip.children.length > shown) strip.firstChild.remove()
}

function summarise() {
  const parts = [...replicas].toSorted().map(([name, { hue, pid, answers, restarted }]) => {
    const part = document.createElement('span')
    part.style.setProperty('--hue', hue)
    part.textContent = `${name} · process ${pid}${restarted ? ' (new)' : ''} · ${answers}`
    return part
  })
  const failures = document.createElement('span')
  failures.className = 'lost'
  failures.textContent = `lost · ${lost}`
  summary.replaceChildren(...parts, failures)
}

async function ask() {
  const began = performance.now()
  try {
    const response = await fetch('/whoami', { cache: 'no-store' })
    if (!response.ok) throw new Error(`status ${response.status}`)
    const answer = await response.json()
    const took = Math.round(performance.now() - began)
    const replica = seen(answer)
    kill.textContent = `kill -9 ${answer.pid}`
    draw(strip, `${answer.name}, ${took} ms`, took > lateAfter ? 'late' : '', replica.hue)
  } catch (thrown) {
    lost += 1
    draw(strip, String(thrown), 'lost')
  }
  summarise()
}

/** The members of the database, in the order in which they were seen as primary. */
const members = []
const kept = document.querySelector('#kept')
const placed = document.querySelector('#placed')
let failed = 0

const getOrders = async () => {
  const response = await fetch('/orders', { cache: 'no-store' })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return response.json()
}

/** Orders a tea; the key makes it one order, however often it is sent. */
async function orderTea() {
  const began = performance.now()
  try {
    const response = await fetch('/orders', {
      method: 'POST',
      headers: { 'idempotency-key': crypto.randomUUID(), accept: 'application/json' },
      body: new URLSearchParams({ item: 'tea' }),
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    const took = Math.round(performance.now() - began)
    const { count, primary } = await getOrders()
    if (!members.includes(primary.name)) members.push(primary.name)
    const hue = hues[(members.indexOf(primary.name) + 3) % hues.length]
    draw(placed, `${primary.name}, ${took} ms`, took > lateAfter ? 'late' : '', hue)
    document.querySelector('#kill-primary').textContent = `kill -9 ${primary.pid}`
    document.querySelector('#count').textContent =
      `${count} orders · ${primary.name} is primary, process ${primary.pid} · lost ${failed}`
  } catch (thrown) {
    failed += 1
    draw(placed, String(thrown), 'lost')
  }
}

async function watchOrders() {
  const orders = await getOrders()
  if (orders.primary === undefined) return
  kept.hidden = false
  for (;;) {
    await Promise.all([orderTea(), new Promise((resolve) => setTimeout(resolve, 1000))])
  }
}

setInterval(ask, every)
ask()
watchOrders().catch((thrown) => draw(placed, String(thrown), 'lost'))
