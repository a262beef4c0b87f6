// Package contract holds V4 traffic against Frame.io's published OpenAPI document, so that the simulator, the client and
// the document cannot drift apart unseen.
//
// Call Open in a test: it loads the document named by the environment variable FRAMEIOFS_V4_OPENAPI, once per process.
// Then put Doc.Handler between a client and any V4 server; it reports, through t.Errorf, every request and every answer
// the document does not allow. Tests of a server, which send wrong requests on purpose, use Doc.ServerHandler instead:
// there a wrong request is reported only if the server accepted it. CheckRequest and CheckResponse do the same for
// traffic already at hand.
//
// The document is not part of this repository. Download https://api.frame.io/v4/openapi.json and name the file:
//
//	FRAMEIOFS_V4_OPENAPI=$HOME/frameio-v4-openapi.json go test ./...
//
// # Where the document and its server disagree
//
// The published document (OpenAPI 3.0.0, v4.0) cannot be taken to the letter everywhere. Each place is mended on loading,
// by one function in quirks.go, and everything else is checked as it stands:
//
//   - 204 answers declare a body of media type "*" and type string; a 204 has none. Checked here as: no body.
//   - Some schemas say additionalProperties:false beside allOf, which by the letter forbids every property. They are read
//     as "no property but those of the parts".
//   - include is declared as one value of an enum, while its examples are comma-separated lists of them. Checked as a list;
//     the value project.owner, which stands in the examples only, is allowed where project is.
//   - Identifiers (FrameOrAdobeId) are bare strings with the rule in prose: a UUID or adobe:… . The rule is applied, to path
//     identifiers and to the items of file_ids alike; parent_id of move and copy, declared as a string, is left so.
//   - The format "uuid" is checked as 8-4-4-4-12 hexadecimal digits; the document's own examples carry no RFC version bits.
//   - Security is declared as two OAuth flows; what is checked is that a bearer token is there.
//   - Query parameters the operation does not declare are reported; OpenAPI itself has no word for that.
//   - Answers of 500 and above are not declared for any operation, and not checked.
package contract
