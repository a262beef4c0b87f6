// Package v4 is the V4 wire of the simulated Frame.io: it puts a world.World into the routes, words and refusals of
// https://api.frame.io/v4, as far as a storage client needs them.
//
// New makes the Wire, an http.Handler to serve under /v4/; Close it before the world. Wire.Operation names the operation
// of a request in the published document's words ("files.show"), for logs; Wire.Refuse words refusals made elsewhere, such
// as faults on order (it is a fault.Voice).
//
// It is deliberately strict (spec: frameio-v4.md §12): request bodies and queries are closed schemas, identifiers of
// another account do not exist, page sizes out of bounds are refused, links.next is relative and forgets every parameter
// but the cursor, every answer carries the x-ratelimit headers of its operation. What the public documents leave open is
// decided by world.Behaviour. Answers and accepted requests are held against the published OpenAPI document in the tests
// (package sim/contract).
//
// Not here, and answered as an unknown route: comments, shares, webhooks, search, custom fields, people, creating or
// changing workspaces and projects, and the bulk calls. Remote upload and import are here and always refused.
package v4
