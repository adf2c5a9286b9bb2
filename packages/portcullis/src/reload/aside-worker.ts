// Runs in a thread of its own: see load-aside.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { Catalogue } from '@portcullis/core';
import { packPolicy } from '@portcullis/policy';
import type { AsideAnswer, AsideJob } from './aside-job.js';
import { whyTestsFail } from './policy-tests.js';

const { path, definitions, tests, keep, ...options } = workerData as AsideJob;
const catalogue = new Catalogue(definitions);
const { loaded, parcel, batches, bytes } = packPolicy(path, { ...options, catalogue });
const why = loaded.policy === undefined ? undefined : whyTestsFail(tests, loaded.policy, { ...options, catalogue });
const made = keep ? bytes() : undefined;
const answer: AsideAnswer = { parcel, ...(why !== undefined && { why }), ...(made !== undefined && { bytes: made }) };

let at = 0;
parentPort?.on('message', () => { parentPort?.postMessage(batches[at++]); });
parentPort?.postMessage(answer);
