// What every process of Node costs.
export {}
