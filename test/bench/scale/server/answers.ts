import type { Answer, Answers } from './answer.ts'
import { imageAnswers } from './answers-images.ts'
import { replicaAnswers } from './answers-replicas.ts'
import { serverAnswers } from './answers-server.ts'
import { serviceAnswers } from './answers-services.ts'
import type { Machine } from './machine.ts'
import type { StepParts } from './parcel.ts'
import { Violation } from './violation.ts'

const answers: Answers = { ...serverAnswers, ...imageAnswers, ...replicaAnswers, ...serviceAnswers }

/** Steps whose names go on with something of their own, such as an image. */
const beginnings = Object.keys(answers).filter((name) => name.endsWith('-'))

/** What the step of this name comes to on a server. Throws a Violation where Keystone has no such step, or sent it something else. */
export async function answerTo(name: string, machine: Machine, parts: StepParts): Promise<Answer> {
  const answerer = answers[name] ?? answers[beginnings.find((beginning) => name.startsWith(beginning)) ?? '']
  if (!answerer) throw new Violation('no step of this name is known')
  return answerer(machine, parts)
}
