// One stream for each environment that a visible tab of this browser shows; the tabs listen here.
/** @type {Map<string, {source: EventSource, ports: Set<MessagePort>, beat: object | null}>} */
const streams = new Map();

function leave(port) {
  for (const [url, stream] of streams) {
    if (stream.ports.delete(port) && !stream.ports.size) { stream.source.close(); streams.delete(url); }
  }
}

function join(port, url) {
  let stream = streams.get(url);
  if (!stream) {
    const source = new EventSource(url);
    stream = { source, ports: new Set(), beat: null };
    const tell = (message) => { for (const one of stream.ports) one.postMessage(message); };
    source.onopen = () => tell({ type: "open" });
    source.onerror = () => {
      tell({ type: "lost" });
      if (source.readyState === EventSource.CLOSED) { // refused: an EventSource does not try again by itself
        const ports = [...stream.ports];
        streams.delete(url);
        setTimeout(() => { for (const one of ports) join(one, url); }, 2000);
      }
    };
    source.addEventListener("beat", (event) => { stream.beat = JSON.parse(event.data); tell({ type: "beat", beat: stream.beat }); });
    streams.set(url, stream);
  }
  stream.ports.add(port);
  if (stream.beat) port.postMessage({ type: "beat", beat: stream.beat });
}

self.onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    leave(port);
    if (data.url) join(port, data.url);
    if (data.bye) return;
  };
};
