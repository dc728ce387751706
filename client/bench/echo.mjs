/** A bare WebSocket server in a thread of its own: answers each message with so many bytes. */
import { parentPort, workerData } from "node:worker_threads";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
const answer = Buffer.alloc(workerData.answerBytes, 7);
server.on("connection", (socket) => {
  socket.on("message", () => socket.send(answer));
});
server.once("listening", () => parentPort.postMessage(server.address().port));
