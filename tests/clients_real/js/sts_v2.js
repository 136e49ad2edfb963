// The AWS SDK for JavaScript v2 (AWS.STS): node sts_v2.js ENDPOINT
'use strict';

const AWS = require('aws-sdk');
const { serve } = require('./lines.js');

const sts = new AWS.STS({ endpoint: process.argv[2] });

serve(
  () => sts.getCallerIdentity().promise(),
  (error) => ({ name: error.code, status: error.statusCode, message: error.message, typed: error instanceof Error }),
);
