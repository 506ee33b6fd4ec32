const nothing = () => {};
const logger = { child: () => logger, debug: nothing, info: nothing, warn: nothing, error: nothing };

export const createLogger = () => logger;
export const consoleTransport = nothing;
export const prettyTransport = nothing;
