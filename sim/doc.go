// Package sim is Frame.io in one process, for demonstrations and tests: both API generations, the hosts behind them,
// and everything that goes wrong between them and a client.
//
//	srv, err := sim.New(sim.Config{})       // the sample world, in a temporary folder
//	srv.Start()
//	defer srv.Close()
//	fmt.Println(srv.Env())                  // FRAMEIO_API_URL=…, FRAMEIO_TOKEN=…
//
// New opens the world (sim/world), fills it if it is empty (sim/seed), and listens on three ports of the loopback
// address: one for the API (/v2, /v4, /oauth2, /ims, /health), one for the upload host, one for the media host
// (sim/hosts). In front of each stand, from the outside in, the line (sim/link), the log of requests (sim/record) and the
// faults (sim/fault); the wires themselves (sim/v2, sim/v4) keep to Frame.io's rate limits (sim/limit). Tokens come from
// sim/token; the fixed developer tokens of a seeded world are seed.Tokens.
//
// The simulator imports nothing of the program it stands opposite to, so that client and simulator cannot share one
// misreading of the service. Where the public documents are silent, world.Behaviour has a switch for each reading.
//
// Everything can be looked at and changed while it runs: in the same process through World, Faults, Log, Limiter, Link
// and Tree, from outside through /_sim/ on the API's port, which answers the loopback address only. GET /_sim/ lists
// what there is.
package sim
