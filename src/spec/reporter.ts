// Collects everything that is wrong with one file, in the order of the file. What is wrong is for
// the others to find.

import type { Place, Problem } from './model.ts'
import { formatPath, type Path } from './tree.ts'

/** One problem on its way into the list. */
export interface Report {
  readonly offset: number
  readonly path: Path
  readonly message: string
  readonly remedy?: string | undefined
  /**
   * It says that something is not there. Where the text could not be read as YAML, such a thing
   * may only be lost, so it is not reported.
   */
  readonly absence?: boolean | undefined
  /** The text is not YAML here. */
  readonly isSyntax?: boolean
}

/** Takes problems. */
export interface Reporter {
  report(problem: Report): void
}

/** A reporter that remembers. */
export interface ProblemList extends Reporter {
  readonly reports: readonly Report[]
}

export function openProblemList(): ProblemList {
  const reports: Report[] = []
  return { reports, report: (problem) => void reports.push(problem) }
}

/** The reports as problems, in the order of the file, each once. */
export function toProblems(
  reports: readonly Report[],
  placeOf: (offset: number) => Place,
): readonly Problem[] {
  const seen = new Set<string>()
  return reports
    .toSorted((a, b) => a.offset - b.offset)
    .map((report) => ({
      place: placeOf(report.offset),
      path: formatPath(report.path),
      message: report.message,
      remedy: report.remedy,
    }))
    .filter((problem) => {
      const key = `${problem.place.line}:${problem.place.column} ${problem.message}`
      return !seen.has(key) && seen.add(key)
    })
}
