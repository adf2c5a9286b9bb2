// An MCP client: prints the tools that it is offered, and what one of them answers.
import { once } from 'node:events';
import { connect } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const [path = '/tmp/portcullis-05/mcp.sock', tool = 'list_notes'] = process.argv.slice(2);

const socket = connect(path).on('error', () => {});
const ended = once(socket, 'close').then(() => { throw new Error('the connection ended'); });

async function talk() {
  const client = new Client({ name: 'agent', version: '0.1.0' });
  await client.connect(new StdioServerTransport(socket, socket)); // the framing of the SDK, over a socket
  const { tools } = await client.listTools();
  const { content, isError } = await client.callTool({ name: tool });
  return { tools: tools.map(({ name }) => name).sort(), said: content.map(({ text }) => text).join('\n'), isError: isError === true };
}

try {
  console.log(JSON.stringify(await Promise.race([talk(), ended])));
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
  process.exit(1);
}
