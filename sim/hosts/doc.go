// Package hosts is the two storage hosts behind the Frame.io API: the S3-like one that takes the parts of an upload and
// the CloudFront-like one that hands out originals.
//
// New makes both; UploadURLs and MediaURL sign addresses for the wires; Upload and Media are the handlers to serve on
// two further listeners. They are as strict as the real ones, and like them answer in XML: a part must come as a PUT
// with the signed Content-Type and x-amz-acl, a Content-Length, no Authorization, before its URL expires (spec:
// frameio-v2.md §5.4, §5.6, §6; frameio-v4.md §4.3, §5.1).
package hosts
