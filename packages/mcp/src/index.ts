export { createMcpServer, type McpOptions, serveMcp } from './mcp-server.ts'
