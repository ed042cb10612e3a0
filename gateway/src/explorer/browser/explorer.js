/* global document, fetch, location, self, WebSocket, YogaGraphiQL */
/* Runs in the browser: GraphiQL over HTTP and, for subscriptions, over graphql-transport-ws with the same headers. */

const ENDPOINT = new URL('/graphql', location.href);
const ASSETS = new URL('.', document.currentScript.src);
const WORKERS = {
  editorWorkerService: 'editor-worker.js',
  json: 'json-worker.js',
  graphql: 'graphql-worker.js',
};

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) => new URL(WORKERS[label], ASSETS).href,
};

async function post(operation, headers) {
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(operation),
  });
  return response.json();
}

/** Results wait here until GraphiQL asks; leaving closes the socket, which ends the subscription. */
function createResults(socket) {
  const results = [];
  let wake = () => {};
  let isOver = false;
  return {
    push(result) {
      results.push(result);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    iterable: {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        while (results.length === 0 && !isOver) await new Promise((resolve) => (wake = resolve));
        return results.length > 0
          ? { done: false, value: results.shift() }
          : { done: true, value: undefined };
      },
      async return() {
        isOver = true;
        socket.close(1000);
        wake();
        return { done: true, value: undefined };
      },
    },
  };
}

function subscribe(operation, headers) {
  const url = new URL(ENDPOINT);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, 'graphql-transport-ws');
  const results = createResults(socket);
  const send = (message) => socket.send(JSON.stringify(message));
  const handlers = {
    connection_ack: () => send({ id: '1', type: 'subscribe', payload: operation }),
    ping: () => send({ type: 'pong' }),
    pong: () => {},
    next: ({ payload }) => results.push(payload),
    error: ({ payload }) => {
      results.push({ errors: payload });
      socket.close(1000);
    },
    complete: () => socket.close(1000),
  };
  socket.onopen = () => send({ type: 'connection_init', payload: { headers } });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    handlers[message.type]?.(message);
  };
  socket.onclose = ({ code, reason }) => {
    if (code !== 1000) results.push({ errors: [{ message: `The socket was closed: ${code} ${reason}` }] });
    results.end();
  };
  return results.iterable;
}

function operationType(operation, document) {
  const definitions = document?.definitions ?? [];
  const chosen = definitions.find(
    ({ kind, name }) =>
      kind === 'OperationDefinition' && (!operation.operationName || name?.value === operation.operationName),
  );
  return chosen?.operation ?? 'query';
}

YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
  title: 'Weir',
  logo: '<svg viewBox="0 0 24 24" width="28" fill="none" stroke="currentColor" stroke-width="2"><path d="M2 8q5-4 10 0t10 0M2 16q5-4 10 0t10 0"/></svg>',
  // Tokens are not written to the browser's storage.
  shouldPersistHeaders: false,
  headers: '{\n  "Authorization": "Bearer "\n}',
  defaultQuery:
    'query Viewer {\n  viewer {\n    permissions\n    organization {\n      id\n      name\n    }\n  }\n}\n',
  fetcher: (operation, options) => {
    const filled = Object.entries(options?.headers ?? {}).filter(([, value]) => value.trim() !== 'Bearer');
    const headers = Object.fromEntries(filled);
    return operationType(operation, options?.documentAST) === 'subscription'
      ? subscribe(operation, headers)
      : post(operation, headers);
  },
});
