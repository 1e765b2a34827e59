/** Optimisers of one number, in plain float64: torch.optim's formulae, written to be believed. */
export type Rule = (weight: number, gradient: number) => number

export interface RuleOptions {
  lr: number
  weightDecay?: number
  momentum?: number
  dampening?: number
  nesterov?: boolean
  alpha?: number
  betas?: readonly [number, number]
  eps?: number
  centered?: boolean
}

/** A rule remembers: one is made for each number, and called where that number is not frozen. */
export const RULES: Readonly<Record<'SGD' | 'RMSprop' | 'Adam' | 'AdamW', (options: RuleOptions) => Rule>> = {
  SGD: ({ lr, weightDecay = 0, momentum = 0, dampening = 0, nesterov = false }) => {
    let velocity: number | undefined
    return (w, g) => {
      const step = g + weightDecay * w
      velocity = velocity === undefined ? step : momentum * velocity + (1 - dampening) * step
      if (momentum === 0) return w - lr * step
      return w - lr * (nesterov ? step + momentum * velocity : velocity)
    }
  },
  RMSprop: ({ lr, weightDecay = 0, momentum = 0, alpha = 0.99, eps = 1e-8, centered = false }) => {
    let [square, mean, velocity] = [0, 0, 0]
    return (w, g) => {
      const gradient = g + weightDecay * w
      square = alpha * square + (1 - alpha) * gradient ** 2
      mean = alpha * mean + (1 - alpha) * gradient
      velocity = momentum * velocity + gradient / (Math.sqrt(square - (centered ? mean ** 2 : 0)) + eps)
      return w - lr * velocity
    }
  },
  Adam: (options) => adam(options, false),
  AdamW: (options) => adam({ weightDecay: 0.01, ...options }, true),
}

function adam(
  { lr, weightDecay = 0, betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 }: RuleOptions,
  decoupled: boolean,
): Rule {
  let [t, mean, square] = [0, 0, 0]
  return (w, g) => {
    t++
    const gradient = decoupled ? g : g + weightDecay * w
    mean = b1 * mean + (1 - b1) * gradient
    square = b2 * square + (1 - b2) * gradient ** 2
    const root = Math.sqrt(square / (1 - b2 ** t)) + eps
    return w * (decoupled ? 1 - lr * weightDecay : 1) - ((lr / (1 - b1 ** t)) * mean) / root
  }
}
