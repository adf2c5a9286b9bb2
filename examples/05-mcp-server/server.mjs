import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { admissionOf, createGate } from 'portcullis';

const [path = '/tmp/portcullis-05/mcp.sock', policy = 'policy.yaml'] = process.argv.slice(2);
const notes = ['the first note'];
const text = (said) => ({ content: [{ type: 'text', text: said }] });

const TOOLS = {
  list_notes: { description: 'All notes.', run: () => text(notes.join('\n')) },
  add_note: { description: 'Writes one more note.', run: () => text(`there are ${notes.push(`note ${notes.length + 1}`)}`) },
};

/** One server for each connection: an agent is told only of the tools that it may use. */
function serve(socket) {
  const { grant } = admissionOf(socket).decision;
  const server = new McpServer({ name: 'notes', version: '0.1.0' });
  for (const [name, { description, run }] of Object.entries(TOOLS)) {
    if (grant.tools?.includes(name)) server.registerTool(name, { description }, run);
  }
  socket.on('error', () => {}).on('close', () => { void server.close(); });
  void server.connect(new StdioServerTransport(socket, socket));
}

const gate = await createGate({ policy });
gate.on('denied', ({ nearest, decision }) => { console.log(`refused: ${nearest?.failed.map(({ key, observed }) => `${key} is ${observed}`).join(', ') ?? decision.cause}`); });
await gate.listen(serve, { path });
console.log(`listening on ${path}`);
