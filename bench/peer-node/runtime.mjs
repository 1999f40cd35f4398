// What Lambda's runtime for Node.js does: loads the handler, then asks for one event after another. AWS's own client of the
// Runtime API is a native addon that has to be compiled with tools that not every machine has; this one starts faster.
import http from "node:http";
import { pathToFileURL } from "node:url";

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const { handler } = (await import(pathToFileURL(process.argv[2]))).default;

for (;;) {
  const { headers, body } = await call("GET", "next");
  const id = headers["lambda-runtime-aws-request-id"];
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  try {
    const answer = await handler(JSON.parse(body), { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() });
    await call("POST", `${id}/response`, JSON.stringify(answer));
  } catch (error) {
    await call("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message, stackTrace: error.stack?.split("\n") }));
  }
}

function call(method, path, body = "") {
  return new Promise((resolve, reject) => {
    const headers = method === "POST" ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } : {};
    const request = http.request(`${api}/${path}`, { method, agent, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}
